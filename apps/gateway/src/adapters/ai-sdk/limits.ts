/** Bounds of `adapters/ai-sdk`, each with its unit and the trouble it prevents (R9). */

// Payloads
/** Characters that one step may say in all: a model that never stops must not fill the memory. */
export const STEP_CHARACTERS_MAX = 4 * 1024 * 1024;

/** Parts of one step: texts, reasonings, calls and files. Each is a row, also one without a character. */
export const STEP_PARTS_MAX = 10_000;
/** Passages that one step says it has from a source. Each is kept with the step. */
export const STEP_CITATIONS_MAX = 2000;

// What a provider sends
/**
 * Frames, or pieces of them, that are read for one step. Those that say nothing count too. A token is one frame, and no
 * model says half a million of them.
 */
export const FRAMES_PER_STEP_MAX = 1_000_000;
/**
 * Frames, or pieces of them, that are read of one stream in one turn of the event loop. Each costs about 0.1 ms down to
 * the live log. A provider that sends a megabyte at once must not keep everybody waiting. A turn costs more than a few
 * frames do: with 16 in each, a stream that comes at once took half as much CPU again.
 */
export const FRAMES_PER_TURN = 128;
/** What a frame counts as that is joined to the one before it. The provider's package sees one frame of both. */
export const JOINED_FRAME_SIZE = 1 / 8;
/** A frame with more characters counts as several: as one for each time that it has so many. */
export const FRAME_CHARACTERS = 1024;
/**
 * One message of a stream, in characters. A provider repeats a whole step in one message, and escapes may double it. A
 * server that never ends its line must not fill the memory.
 */
export const FRAME_CHARACTERS_MAX = 4 * STEP_CHARACTERS_MAX;
/** What is read of a refusal's body, in bytes. A server that repeats the request in it may send as much as it got. */
export const REFUSAL_BYTES_MAX = 256 * 1024;
/** What is kept of a server's words, in characters, before anything searches in them. */
export const SERVER_WORDS_CHARACTERS_MAX = 4096;
/** Reasons quoted of a list of them, and how deep a reason may lie in a body. */
export const SERVER_REASONS_MAX = 5;
export const SERVER_WORDS_DEPTH_MAX = 8;
/** What is kept of the details of a step's reasoning (`reasoning_details`), in all and in pieces. They are stored. */
export const REASONING_DETAILS_CHARACTERS_MAX = 1024 * 1024;
export const REASONING_DETAILS_MAX = 1000;
/** How long an answer that is closed by its mark is read on for its end, in ms: a connection can then serve again. */
export const CLOSED_ANSWER_WAIT_MS = 250;
/** How long a finished answer is waited on for its usage and its closing mark, in ms. Some servers send neither. */
export const FINISHED_ANSWER_WAIT_MS = 5000;
/** Models that are kept. Beyond it all are made anew, at the cost of a millisecond each. */
export const MODELS_REMEMBERED_MAX = 1000;
/** Models whose refused fields are remembered. Beyond it all are forgotten, at the cost of a refusal each. */
export const REFUSED_FIELDS_REMEMBERED_MAX = 1000;

// The demo provider
/** Scripted failures whose count is remembered. Beyond it the oldest count is forgotten and starts again. */
export const DEMO_FAILURES_COUNTED_MAX = 1000;
/** Repetitions in one `repeat` of a script. */
export const DEMO_REPEAT_MAX = 100_000;
/** Pages that one search of a script finds: it is a demo of a search. */
export const DEMO_FOUND_MAX = 100;
/** Parts played in one turn of the event loop: a fast script must not keep everybody waiting. */
export const DEMO_PARTS_PER_TURN = 32;
/** Pause before each delta of a script that comes with the provider, in ms. A person sees the text stream. */
export const DEMO_READABLE_MS = 25;
/** How far `demo/count` counts when the user names no number. */
export const DEMO_COUNT_DEFAULT = 100;
/** Characters of a call's arguments in one delta, where the script names no other number. */
export const DEMO_ARGUMENTS_CHUNK_CHARACTERS = 12;
/** Levels of sample arguments: deeper than any sensible tool's. A schema that refers to itself ends here. */
export const DEMO_SAMPLE_DEPTH_MAX = 8;
/** Items of an array in sample arguments. A schema may ask for any number; a sample shows a few. */
export const DEMO_SAMPLE_ITEMS_MAX = 10;

// Dialects
/** Characters of the word that tells accounts apart, each 4 bits: enough to differ, too little to find a key. */
export const ACCOUNT_CHARACTERS = 8;
/** Characters of what stands for the reasoning of a call: it must differ from call to call, it need not be complete. */
export const STAND_IN_CHARACTERS = 200;

/** A file with so many characters of Base64 does not go through the provider's package, where each takes 10 ns. */
export const LARGE_FILE_CHARACTERS = 256 * 1024;
/** How much of a file what stands for it begins with, in characters of Base64: whole groups of four. */
export const STAND_IN_START_CHARACTERS = 24;
/** How much of a file is written into a request in one turn of the event loop, in characters: in less than 7 ms. */
export const FILE_SLICE_CHARACTERS = 4 * 1024 * 1024;
