/** Bounds of `ports`, each with its unit and the trouble it prevents (R9). */

// Runs
/** Inputs drained into one decision. */
export const INPUTS_PER_DRAIN_MAX = 200;
/** Inputs a run may have waiting. Beyond it a sender is told to slow down, so that a flood costs a bounded number of rows. */
export const INBOX_MAX = 1000;
/** Places beyond `INBOX_MAX` that only a cancel may take, so that a flooded run can still be ended. */
export const INBOX_CANCELS_MAX = 16;
/** Ended runs of a thread that a new run sees. */
export const THREAD_HISTORY_RUNS_MAX = 100;

// Reading
/** Events in one page read from the store, and their payload bytes. */
export const EVENTS_PAGE_MAX = 500;
export const EVENTS_PAGE_BYTES_MAX = 1024 * 1024;
export const SESSIONS_PER_DEVICE_SHOWN = 20;

// Devices
/** Calls in hand on one device when it does not say how many it can take, and at most, whatever it says. */
export const DEVICE_IN_FLIGHT_MAX = 64;
/** Calls listed for one session that its device does not have: more than it has hands for are of no use to it. */
export const OPEN_CALLS_PER_SESSION_MAX = 64;
/**
 * And those that it was sent, what it has in hand before what it has forgotten. None in hand may be missing: twice as
 * many as there can be leaves room for what was on its way to a connection while another replaced it.
 */
export const SENT_CALLS_PER_SESSION_MAX = 2 * DEVICE_IN_FLIGHT_MAX;

// The live log
/** A write that takes longer is given up for the Postgres path. */
export const LIVE_LOG_TIMEOUT_MS = 250;
/** Records kept per run, about; and how long after the last write. */
export const LIVE_LOG_RECORDS_MAX = 4096;
export const LIVE_LOG_TTL_MS = 60 * 60_000;

// The engine
/**
 * How often a gateway says that it lives, and after what silence it is taken for gone: the first with a cut lifeline,
 * which one whose connection broke ties again within a beat; the second whatever its lifeline says.
 */
export const GATEWAY_TIMEOUT_MS = 10_000;

// Deltas on their way
/** How long deltas gather before they go to Postgres in one batch. */
export const FLUSH_INTERVAL_MS = 50;

// The store
/** Things one sweep mends; the rest waits for the next. */
export const SWEEP_ROWS_MAX = 1000;
/** How long a gateway that beats no more is remembered. */
export const GATEWAY_KEPT_MS = 24 * 3600_000;
