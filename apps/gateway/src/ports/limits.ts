/** Bounds of `ports`, each with its unit and the trouble it prevents (R9). */

// Runs
/** Inputs that one read of an inbox returns, and that one decision takes account of. */
export const INPUTS_PER_DRAIN_MAX = 200;
/**
 * Inputs a run may have waiting. Beyond it a sender is told to slow down, so that a flood costs a bounded number of
 * rows.
 */
export const INBOX_MAX = 1000;
/** Places beyond `INBOX_MAX` that only a cancel may take, so that a flooded run can still be ended. */
export const INBOX_CANCELS_MAX = 16;
/** Ended runs of a thread that a new run sees, the newest ones. */
export const THREAD_HISTORY_RUNS_MAX = 100;

// Reading
/** Events in one page read from the store. */
export const EVENTS_PAGE_MAX = 500;
/** Payload bytes in one page of events, so that a page fits into memory many times. One larger event goes alone. */
export const EVENTS_PAGE_BYTES_MAX = 1024 * 1024;
/**
 * Bytes of metadata, outputs, configs, tools, arguments and results on one page of a list. The page ends with the item
 * that reaches it, so that one larger item goes alone.
 */
export const PAGE_BYTES_MAX = 1024 * 1024;
/** Sessions shown with one device, the newest ones. */
export const SESSIONS_PER_DEVICE_SHOWN = 20;

// Devices
/** Calls in hand on one device: for a device that does not say how many it takes, and the most that one may say. */
export const DEVICE_IN_FLIGHT_MAX = 64;
/** Calls listed for one session that its device may take. It cannot use more than it can have in hand. */
export const OPEN_CALLS_PER_SESSION_MAX = 64;
/**
 * Calls listed for one session that its device was sent. No call in hand may be missing. The bound is twice as many as
 * can be in hand: calls may have been on their way to a connection that another replaced.
 */
export const SENT_CALLS_PER_SESSION_MAX = 2 * DEVICE_IN_FLIGHT_MAX;

// The live log
/** How long a write to the live log may take, in ms. After that watchers get the events by way of Postgres. */
export const LIVE_LOG_TIMEOUT_MS = 250;
/** Records that the live log keeps of a run, about. */
export const LIVE_LOG_RECORDS_MAX = 4096;
/** How long the live log keeps a run after its last write, in ms. */
export const LIVE_LOG_TTL_MS = 60 * 60_000;

// The engine
/** After this silence a gateway is taken for gone, in ms, whatever its lifeline says. */
export const GATEWAY_TIMEOUT_MS = 10_000;

// Deltas on their way
/** How long deltas gather before they go to Postgres in one batch, in ms. */
export const FLUSH_INTERVAL_MS = 50;

// The store
/** Rows of one kind that one sweep mends. The rest waits for the next. */
export const SWEEP_ROWS_MAX = 1000;
/** How long a gateway is remembered after its last heartbeat, in ms. */
export const GATEWAY_KEPT_MS = 24 * 3600_000;
