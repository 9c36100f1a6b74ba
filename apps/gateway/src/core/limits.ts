/** Bounds of `core`, each with its unit and the trouble it prevents (R9). */
import type { BackoffBounds } from "./backoff.ts";

// Payloads
/**
 * How deeply JSON from outside may nest, and the JSON of a tool's result, wherever it comes from. A result is kept for
 * ever and shown to the model in every step. The wire contract has both, since devices keep to them.
 */
export { JSON_DEPTH_MAX, TOOL_RESULT_BYTES_MAX } from "@hsafa/protocol";
/** Tool calls that one step may ask for. A step with more fails, or it would flood devices. */
export const TOOL_CALLS_PER_STEP_MAX = 128;
/** What a failure of a model or a tool may quote, in characters: enough for a person, too little to flood an event. */
export const FAILURE_MESSAGE_CHARACTERS_MAX = 1000;
/** A secret with fewer characters is not removed from texts: a server on one's own machine takes any word for a key. */
export const SECRET_CHARACTERS_MIN = 8;

// Runs
/** How long a call may wait for an approval, in ms: 24 hours. Without a bound a forgotten run would wait for ever. */
export const APPROVAL_TIMEOUT_MS = 24 * 3600 * 1000;
/** Claims of a run that found a lost lease, without progress between them. One more and the run is given up. */
export const RECOVERIES_MAX = 3;
/**
 * Stalls of a gateway by a run's own work, in the life of the run. One more and the run is given up: each may cost
 * every run of that gateway its lease.
 */
export const STALLS_MAX = 3;
/**
 * A gap of the event loop is taken for a stall by code if its thread had the CPU for this share of it. A process that
 * is frozen has none of it.
 */
export const STALL_CPU_SHARE_MIN = 0.1;

/**
 * How long one step may take in all, in ms: 30 minutes. A model that says a little now and then is never silent, and
 * its run would hold a place for days.
 */
export const STEP_DURATION_MS_MAX = 30 * 60_000;

/**
 * How often a model is asked again in one run, since its answer is not the object that the run is to end with. A model
 * that has read twice what does not fit does not find it by itself.
 */
export const OUTPUT_REPAIRS_MAX = 2;

// The size of records
/**
 * Bytes of a run's facts, and their count. A run whose record has reached one of them ends. A gateway that takes a run
 * up reads its whole record, and folds each fact of it. No model takes a conversation of this size.
 */
export const RECORD_BYTES_MAX = 32 * 1024 * 1024;
export const RECORD_FACTS_MAX = 20_000;
/** Bytes of the facts of earlier runs that one run reads of its thread. The largest window takes less. */
export const HISTORY_BYTES_MAX = 16 * 1024 * 1024;

// Retries of tools
/**
 * Attempts at a repeatable call on the server, the first one included. A service that loses its answers again and again
 * is not asked for ever.
 */
export const SERVER_TOOL_ATTEMPTS_MAX = 3;
/** The delays between these attempts: a service that has just failed is not hammered. */
export const SERVER_TOOL_RETRY: BackoffBounds = { minMs: 250, maxMs: 2000 };

// Retries of the model
/** The delays between tries of one step: a provider that has just failed is not hammered. */
export const MODEL_RETRY: BackoffBounds = { minMs: 500, maxMs: 30_000 };
/** The delays between tries while a model loads: it is noticed soon, and is not asked all the time. */
export const MODEL_LOADING_RETRY: BackoffBounds = { minMs: 1000, maxMs: 10_000 };
/** The longest `retry-after` that is obeyed, in ms. A provider that asks for more ends the run. */
export const MODEL_RETRY_AFTER_MAX_MS = 10 * 60_000;

// The size of conversations
/** What a message costs beside its text, in tokens, about: its role and its frame. */
export const MESSAGE_TOKENS_ESTIMATED = 4;
/** What a picture or a file costs, in tokens, about: a large picture, or a few pages. */
export const FILE_TOKENS_ESTIMATED = 1500;
/** Tokens of a model's window that are kept free for its answer, where the agent names no `maxOutputTokens`. */
export const ANSWER_TOKENS_RESERVED = 8192;
/** The largest share of a window that is kept free for an answer: a small window must still hold a conversation. */
export const ANSWER_WINDOW_SHARE_MAX = 0.25;
/** A size that shows nothing but the run itself, in tokens. */
export const CONTEXT_TOKENS_LEAST = 1;
/** Tokens of a summary: enough for what matters of a long thread, and little beside what it stands for. */
export const SUMMARY_TOKENS_MAX = 1500;
/** Characters of a summary, whatever its model says: it is shown in every later run of the thread. */
export const SUMMARY_CHARACTERS_MAX = 16_000;
/** How often one step is asked again with less, after a provider said that the conversation is too long. */
export const CONTEXT_TRIES_MAX = 4;
/**
 * Bytes of the text files that one step shows. They are half a million tokens, more than most models take. A text is
 * written into the request as words, which holds the event loop for about 30 ms a MiB.
 */
export const STEP_TEXT_FILE_BYTES_MAX = 2 * 1024 * 1024;
/** How far a provider's own count may correct the estimate upwards. A count beyond that is a fault of the server. */
export const TOKEN_RATIO_MAX = 4;

// Quotas
/** What a day has, in ms. */
export const DAY_MS = 86_400_000;
/** So many tokens have the price that a price table names. */
export const PRICED_TOKENS = 1_000_000;
/** Digits of an amount in US dollars after its point: a token of the cheapest model costs a hundred-millionth. */
export const COST_USD_DIGITS = 12;
/** Tokens of one run that count, at most: what a provider reports may be nonsense, and must fit into a counter. */
export const RUN_TOKENS_COUNTED_MAX = 1e12;
/**
 * A tenant with less room than this is near its quota: on a large fleet, so much may come until a gateway reads usage
 * again.
 */
export const QUOTA_MARGINS = {
  activeRuns: 10_000,
  queuedRuns: 10_000,
  devices: 10_000,
  threads: 10_000,
  agentVersions: 10_000,
  storedBytes: 1024 ** 3,
  tokensPerDay: 10_000_000,
} as const;
