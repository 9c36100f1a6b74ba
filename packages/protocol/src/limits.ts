/**
 * Bounds of the wire, each with its unit and the trouble it prevents (R9). The schemas enforce them. A limit that only
 * one program of the fleet needs stands in that program.
 *
 * Lengths of text are in UTF-16 code units, as `String.length` counts them.
 */

// Names and keys

/** A call id as others write it, in characters. Longer texts cannot name a call. */
export const CALL_ID_CHARACTERS_MAX = 200;
/** An agent's name, in characters: it stands in paths and in lists. */
export const AGENT_NAME_CHARACTERS_MAX = 100;
/** A tool's name, in characters: the most that every model provider accepts. */
export const TOOL_NAME_CHARACTERS_MAX = 64;
/** A device key, in characters: it is an indexed column and part of a ring between gateways. */
export const DEVICE_KEY_CHARACTERS_MAX = 200;
/** The key of a thread, in characters: it is an indexed column. */
export const THREAD_KEY_CHARACTERS_MAX = 200;
/** Characters of a thread's title: one line of a list. */
export const THREAD_TITLE_CHARACTERS_MAX = 200;
/** A label that people give to a version of an agent, in characters. */
export const VERSION_LABEL_CHARACTERS_MAX = 100;
/** A model's name with its provider, in characters. */
export const MODEL_NAME_CHARACTERS_MAX = 200;
/** The name of one label of a device, in characters. Labels are compared for every call without a device key. */
export const LABEL_NAME_CHARACTERS_MAX = 100;
/** The value of one label of a device, in characters. */
export const LABEL_VALUE_CHARACTERS_MAX = 200;

/** The name of a secret, in characters: with its prefix it is the name of a variable or a file. */
export const SECRET_NAME_CHARACTERS_MAX = 64;

// Texts

/** A secret's value, in characters: a key with its certificates, and well below a body's bound. */
export const SECRET_VALUE_CHARACTERS_MAX = 16_384;
/** The least characters of a secret's value. A shorter word may be an innocent part of a text, so none removes it. */
export const SECRET_VALUE_CHARACTERS_MIN = 8;
/** What stands before a secret's value, in characters: the scheme of a credential. */
export const SECRET_PREFIX_CHARACTERS_MAX = 100;

/** A description of an agent or a tool, in characters. The model reads it with every step. */
export const DESCRIPTION_CHARACTERS_MAX = 10_000;
/** A system prompt, in characters: more than any model's context has room for, and well below a body's bound. */
export const SYSTEM_CHARACTERS_MAX = 200_000;
/** Characters of what a start tells the model beside its agent's `system`: some pages. */
export const INSTRUCTIONS_CHARACTERS_MAX = 20_000;
/** One text of a run's input or one message, in characters: a little less than a body may have in bytes. */
export const INPUT_TEXT_CHARACTERS_MAX = 1_000_000;
/** Messages in a run's input. They become one fact, which every reader of the run receives whole. */
export const INPUT_MESSAGES_MAX = 1000;
/** Calls that a fork executes again, as many as one step may ask for. */
export const RERUN_CALLS_MAX = 128;
/** The reason of a cancel or of an approval, in characters. It becomes part of a fact. */
export const REASON_CHARACTERS_MAX = 10_000;
/** The message of a tool's error, in characters. The model reads it. */
export const TOOL_ERROR_MESSAGE_CHARACTERS_MAX = 100_000;
/** The code of a tool's error, in characters. */
export const TOOL_ERROR_CODE_CHARACTERS_MAX = 100;

// Agent configs

/** Tools of one agent: providers accept no more, and each one costs context in every step. */
export const TOOLS_PER_AGENT_MAX = 128;
/** Tokens that a config may allow for the messages of a step: above every model's window. */
export const HISTORY_TOKENS_MAX = 100_000_000;
/** Earlier runs of a thread that a config may ask for: a gateway reads no more of them. */
export const HISTORY_RUNS_MAX = 100;
/** How deep runs may have children of children: a run without a parent has the depth 0. */
export const RUN_DEPTH_MAX = 4;
/** Children that one run may have under way at a time: with the depth it bounds what one start can set off. */
export const OPEN_CHILDREN_MAX = 8;
/** How long a child may take if its tool does not say, in milliseconds: a day, as long as an approval may take. */
export const CHILD_TIMEOUT_MS_DEFAULT = 24 * 3600 * 1000;
/** How long a run may sleep at a time, in milliseconds: 365 days. */
export const SLEEP_MS_MAX = 365 * 24 * 3600 * 1000;
/** Steps of one run: an agent that loops must end. */
export const STEPS_MAX = 200;
/** Tokens that a limit may allow one run: above every bill. */
export const RUN_TOKENS_MAX = 1_000_000_000_000;
/** US dollars that a limit may allow one run: above every bill. */
export const RUN_COST_USD_MAX = 1_000_000_000;
/** Time that a limit may allow one run, in milliseconds: ten years. A sleep within it takes a year at most. */
export const RUN_WALL_TIME_MS_MAX = 10 * 365 * 24 * 3600 * 1000;
/** Tool calls that a limit may allow one run: as many as the steps of a run could ask for. */
export const RUN_TOOL_CALLS_MAX = 25_600;
/** The bound on steps when a config names none. */
export const STEPS_DEFAULT = 20;
/** Attempts at one model call: further ones cost money and heal nothing. */
export const MODEL_ATTEMPTS_MAX = 10;
/** The attempts at one model call when a config names none. */
export const MODEL_ATTEMPTS_DEFAULT = 3;
/** How long a model that is still loading is waited for when a config says nothing, in milliseconds: 5 minutes. */
export const MODEL_LOADING_TIMEOUT_MS_DEFAULT = 5 * 60_000;
/** The longest timeout that a config may name, in milliseconds: 7 days. A run must not wait for ever. */
export const TIMEOUT_MS_MAX = 7 * 24 * 3600 * 1000;
/**
 * The longest timeout of what a gateway itself waits for, in milliseconds: 30 minutes. That is a silent model, or a
 * tool that the gateway executes. The run holds one of the gateway's places meanwhile.
 */
export const HELD_TIMEOUT_MS_MAX = 30 * 60_000;
/** How long a dispatched call may take when a config says nothing, in milliseconds. */
export const TOOL_TIMEOUT_MS_DEFAULT = 60_000;
/** How long a model may send nothing when a config says nothing, in milliseconds. */
export const MODEL_IDLE_TIMEOUT_MS_DEFAULT = 60_000;
/** The highest temperature: above every provider's own maximum, so that only typing errors are refused here. */
export const TEMPERATURE_MAX = 5;
/** Sequences that stop the model: the most that any provider accepts. */
export const STOP_SEQUENCES_MAX = 16;
/** The URL of an HTTP tool before its arguments are filled in, in characters: what servers commonly accept. */
export const TOOL_URL_CHARACTERS_MAX = 2000;
/** The name under which a program registered a function tool, in characters. */
export const FUNCTION_NAME_CHARACTERS_MAX = 100;
/** Parameters that an HTTP tool fixes in its query, and fields in its body: an address has no room for more. */
export const TOOL_FIXED_VALUES_MAX = 50;

// Lists

/** Items on one page of a list: a page is read into memory. */
export const PAGE_ITEMS_MAX = 200;
/** The items on one page when the query names no limit. */
export const PAGE_ITEMS_DEFAULT = 50;
/** Events on one page of a run's log: they are small, and a page ends at 1 MiB anyhow. */
export const EVENTS_PAGE_ITEMS_MAX = 1000;
/** Runs whose messages one question for what a branch has inherited may name: they are read one after the other. */
export const INHERITED_RUNS_MAX = 100;
/** A list's cursor, in characters: longer ones did not come from this API. */
export const CURSOR_CHARACTERS_MAX = 500;

// Tokens

/** A token inside a message of a socket, in characters: no key or token comes near it. */
export const TOKEN_CHARACTERS_MAX = 10_000;
/** The longest life of a browser token, in seconds: 24 hours. Revocations are kept for longer than that. */
export const TOKEN_LIFETIME_S_MAX = 24 * 3600;
/** The agents that a browser token may name: one page serves a few, and the token travels in a header. */
export const TOKEN_AGENTS_MAX = 50;
/** The life of a browser token when its maker names none, in seconds: 15 minutes. */
export const TOKEN_LIFETIME_S_DEFAULT = 900;
/** Characters of the subject of a token: an id or an address of a person in somebody's own system. */
export const SUBJECT_CHARACTERS_MAX = 255;
/** Characters of a key's name: people read it in lists and in the record of approvals. */
export const KEY_NAME_CHARACTERS_MAX = 64;
/** The longest life of a key that expires, in seconds: ten years. */
export const KEY_LIFETIME_S_MAX = 10 * 365 * 24 * 3600;
/** How long the former secret of a rotated key may be taken, in seconds: 7 days. */
export const KEY_OVERLAP_S_MAX = 7 * 24 * 3600;
/** How long it is taken if nobody says, in seconds: an hour. */
export const KEY_OVERLAP_S_DEFAULT = 3600;

/** The name of a group of people, in characters. Credentials and configs name groups. */
export const GROUP_NAME_CHARACTERS_MAX = 64;
/** Groups that one credential or config names: they travel in every token. */
export const GROUPS_MAX = 20;

// Devices

/** Tools that one device offers. They travel in its first message and are kept in its row. */
export const TOOLS_PER_DEVICE_MAX = 256;
/** A pairing code as a person types it, in characters: with spaces and dashes. */
export const PAIRING_CODE_CHARACTERS_MAX = 40;
/** A device's name for people, in characters. */
export const DISPLAY_NAME_CHARACTERS_MAX = 200;
/** A device's platform, in characters. */
export const PLATFORM_CHARACTERS_MAX = 100;
/** A boot id, in characters. */
export const BOOT_ID_CHARACTERS_MAX = 200;
/** Calls that a device may claim to take at once. A gateway may give it fewer. */
export const MAX_IN_FLIGHT_MAX = 1000;

// Payloads

/** How deeply JSON may nest: `JSON.stringify` overflows the stack at depths that `JSON.parse` takes. */
export const JSON_DEPTH_MAX = 64;
/**
 * Parts of one JSON text: its commas, colons and opening brackets. Each costs time in every place that it comes
 * through, however short it is. A hundred thousand cost about 20 ms; no model could read them.
 */
export const JSON_PARTS_MAX = 100_000;
/** What a message quotes of a number that cannot be kept, in characters: a number may be as long as a body. */
export const NUMBER_SHOWN_CHARACTERS_MAX = 60;
/** Code units that one call of `String.fromCharCode` writes: each takes a place on the stack. */
export const UNITS_WRITTEN_AT_ONCE_MAX = 4096;
/**
 * The metadata of a run or a thread, in bytes of its JSON. It is read with every list of them, and is part of a run's
 * first fact.
 */
export const METADATA_BYTES_MAX = 64 * 1024;
/** A text that is looked for in metadata, in characters. */
export const SEARCHED_TEXT_CHARACTERS_MAX = 200;
/**
 * The outcome of a call as a gateway takes it, in bytes of its JSON: the result or error, and a few bytes around it. It
 * becomes a fact, and the model reads it.
 */
export const TOOL_RESULT_BYTES_MAX = 256 * 1024;

// Files

/** A file, in bytes: the photos and documents that providers take. A larger one belongs elsewhere, behind a tool. */
export const FILE_BYTES_MAX = 32 * 1024 * 1024;
/** A file's name, in characters: what file systems take. */
export const FILENAME_CHARACTERS_MAX = 255;
/** A media type, in characters: the names in the registry of IANA have fewer. */
export const MEDIA_TYPE_CHARACTERS_MAX = 127;
/** The address of a file, in characters: what servers commonly accept. */
export const FILE_URL_CHARACTERS_MAX = 2000;
/** Files in one input of a run, or in one message: each is looked up before the message is taken. */
export const FILES_PER_INPUT_MAX = 32;
/**
 * Bytes of all files that one step shows the model. An input with more is refused. Of a thread the newest files are
 * shown. Providers take about as much in one request.
 */
export const STEP_FILE_BYTES_MAX = 32 * 1024 * 1024;

// Streams

/**
 * How often a gateway sends a comment on an event stream without events, in milliseconds. It keeps proxies open. A
 * client takes three of them without a byte for a dead line, within 20 s.
 */
export const STREAM_HEARTBEAT_MS = 6000;

/** A limit of a quota: what a double counts exactly. */
export const QUOTA_LIMIT_MAX = Number.MAX_SAFE_INTEGER;
/** The name of a tenant in a request, in characters. */
export const TENANT_NAME_CHARACTERS_MAX = 200;
