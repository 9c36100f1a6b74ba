/** Bounds of the client, each with its unit and the trouble it prevents (R9). */
import { STREAM_HEARTBEAT_MS, TOOL_RESULT_BYTES_MAX } from "@hsafa/protocol";

// Trying again

/** The ceiling of the first wait, in milliseconds: most cuts heal at once. */
export const BACKOFF_BASE_MS = 250;
/**
 * The ceiling of every wait, in milliseconds: a person who watches should not wait longer for a gateway that is back.
 */
export const BACKOFF_MAX_MS = 15_000;
/**
 * Attempts at a call that may be repeated. They take a second or two together: the client waits for a gateway that
 * restarts, and reports one that is away.
 */
export const ATTEMPTS_MAX = 4;

// Following a run

/** The silence after which a connection is given up, in milliseconds: three heartbeats of the gateway. */
export const STREAM_SILENCE_MS = 3 * STREAM_HEARTBEAT_MS;
/**
 * A connection that lasted so long was good, in milliseconds. Reconnecting once in this time is no burden for a
 * gateway. And a watcher of a quiet run that is cut now and then does not wait long.
 */
export const STREAM_GOOD_AFTER_MS = 5000;
/** One message of an event stream, in characters. A longer one is no event of hsafa's, and must not fill the memory. */
export const SSE_MESSAGE_CHARACTERS_MAX = 32 * 1024 * 1024;

// The connection that streams share

/**
 * How often a shared connection is shown to be in use, in milliseconds. A browser does not show WebSocket pings. The
 * gateway drops what is silent for 15 s.
 */
export const WATCH_PING_MS = 5000;
/** Pings without any message after which the gateway counts as dead. */
export const WATCH_UNHEARD_MAX = 2;
/** How long a connection may take until it is authenticated, in milliseconds. */
export const WATCH_OPEN_TIMEOUT_MS = 10_000;
/** How long a connection stays open that nothing is read on, in milliseconds: the next question follows soon. */
export const WATCH_LINGER_MS = 2000;
/** Streams on one connection, as many as a gateway takes. The next one opens another connection. */
export const WATCH_TOPICS_MAX = 100;
/**
 * Messages of one stream that wait for their reader. A stream that is behind by more is left, and comes back after the
 * last event that was read. A WebSocket cannot be told to wait.
 */
export const WATCH_UNREAD_MAX = 5000;
/** How often the newest run of a thread is asked for where there is no WebSocket, in milliseconds. */
export const THREAD_POLL_INTERVAL_MS = 5000;

// Showing a thread

/** Runs of a thread that are shown unless a page says otherwise. Each is followed, and a connection takes a hundred. */
export const THREAD_RUNS_SHOWN = 20;
/**
 * How long what a page follows is kept after the last component that shows it is gone, in milliseconds. React takes a
 * component off and puts it back, and so does a person who goes back and forth.
 */
export const UNSHOWN_KEPT_MS = 5000;

// The connection of a device

/** How long a connection may take until it is registered, in milliseconds. */
export const REGISTER_TIMEOUT_MS = 15_000;
/** Heartbeats without any message after which the gateway counts as dead. */
export const UNHEARD_HEARTBEATS_MAX = 2;
/** The share of a token's remaining life after which a new one is asked for. The rest is for trying again. */
export const TOKEN_REFRESH_SHARE = 0.8;
/**
 * The shortest time until a new token is asked for, in milliseconds: tokens that expire at once must not make a loop.
 */
export const TOKEN_REFRESH_MIN_MS = 1000;

// The memory of a device

/** Acknowledged answers that are kept, for calls that are sent again. Unacknowledged ones are always kept. */
export const ACKNOWLEDGED_MAX = 1000;
/** How long an acknowledged answer is kept, in milliseconds: 15 minutes. */
export const ACKNOWLEDGED_TTL_MS = 15 * 60_000;
/** The text of all acknowledged answers, in characters: the memory is written as a whole with every change. */
export const ACKNOWLEDGED_CHARACTERS_MAX = 8 * 1024 * 1024;

// The answers of a device

/** A result, in bytes of its JSON. The gateway's bound includes a few bytes around the result. */
export const RESULT_BYTES_MAX = TOOL_RESULT_BYTES_MAX - 1024;
/** The message of an error, in characters. The model reads it, and a stack trace of an hour helps nobody. */
export const ERROR_MESSAGE_CHARACTERS_MAX = 10_000;

// Browser tabs

/**
 * How long a tab waits for its key while another one holds it, in milliseconds. The page before a reload takes a moment
 * to let go. A duplicated tab waits so long before it gets a key of its own.
 */
export const TAB_KEY_AWAITED_MS = 1000;
/** How long other tabs may take to answer that they hold a key, in milliseconds, where there are no Web Locks. */
export const TAB_ANSWER_MS = 300;
/** The random end of a key that a duplicated tab gets, in characters. */
export const TAB_KEY_SUFFIX_CHARACTERS = 12;
