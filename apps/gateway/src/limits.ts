/** Bounds of the process, each with its unit and the trouble it prevents (R9). */

// The engine
/** How long a start without Redis looks whether another gateway beats: a busy one may miss a beat or two. */
export const SECOND_GATEWAY_LOOK_MS = 4000;
/**
 * How long steps in progress may finish when their gateway closes, before they are handed over; and how long a close
 * may take in all.
 */
export const CLOSE_TIMEOUT_MS = 20_000;
