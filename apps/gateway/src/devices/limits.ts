/** Bounds of `devices`, each with its unit and the trouble it prevents (R9). */

// Devices
/** Calls in hand on one device when it does not say how many it can take, and at most, whatever it says. */
export const DEVICE_IN_FLIGHT_DEFAULT = 16;
/** How often a device is pinged, in milliseconds. It is told so, and may expect it. */
export const DEVICE_HEARTBEAT_MS = 10_000;
/** How often the calls of all sessions are read although nobody rang: a lost ring costs a second. */
export const DEVICE_POLL_MS = 1000;
/** Progress is for people to look at: more or larger of it than this is left out. */
export const DEVICE_PROGRESS_PER_SECOND_MAX = 20;
export const DEVICE_PROGRESS_BYTES_MAX = 16 * 1024;
/** Sessions in one read of their calls: a read of all at once would hold a connection of the pool for long. */
export const DEVICE_SESSIONS_PER_READ_MAX = 1000;
