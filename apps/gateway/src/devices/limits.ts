/** Bounds of `devices`, each with its unit and the trouble it prevents (R9). */

/** Calls in hand on one device at once when it does not say how many it takes. */
export const DEVICE_IN_FLIGHT_DEFAULT = 16;
/**
 * How often a device is pinged, in milliseconds. Its registration is answered with it, so it may rely on it. A device
 * gives a silent gateway up after three of them.
 */
export const DEVICE_HEARTBEAT_MS = 5000;
/** How often the calls of all sessions are read without a ring, in milliseconds: a lost ring costs that much. */
export const DEVICE_POLL_MS = 1000;
/**
 * How long a connection waits, in milliseconds, until the one that replaced it is heard. Then its device is told to
 * connect again. A device that answers a ping later than that is hardly there.
 */
export const TAKEOVER_AWAITED_MAX_MS = 5000;
/**
 * Calls for any device that one read spreads by what devices have in hand. Of more at once, the rest goes to the first
 * device that has room.
 */
export const CALLS_SPREAD_MAX = 64;
/**
 * How long a call waits for the device that has least in hand, in milliseconds. Its gateway may have failed a moment
 * ago. Then any device takes the call that has room.
 */
export const ASSIGNEE_AWAITED_MAX_MS = 2000;
/** Progress messages of one session in a second, and the bytes of one: people look at it, so more is left out. */
export const DEVICE_PROGRESS_PER_SECOND_MAX = 20;
export const DEVICE_PROGRESS_BYTES_MAX = 16 * 1024;
/**
 * How long a registration whose outcome was lost may be on its way to the store, in milliseconds. Longer than a
 * statement may take on both sides together. And how many of them are remembered: more than there are sockets.
 */
export const REGISTRATION_IN_FLIGHT_MAX_MS = 30_000;
export const UNCONFIRMED_SESSIONS_MAX = 20_000;
/** Sessions in one read of their calls: one of all sessions would hold a connection to the store for long. */
export const DEVICE_SESSIONS_PER_READ_MAX = 1000;
/**
 * Devices that one statement registers: the first of them waits for the last, and each may bring 64 KiB of tools. And
 * the statements of one tenant at once, so that one that waits for a lock does not hold up all.
 */
export const REGISTRATIONS_PER_BATCH_MAX = 64;
export const REGISTRATION_BATCHES_PER_TENANT_MAX = 2;
/**
 * Such statements of one gateway at once. Few are better: what waits meanwhile goes together, and a statement of one
 * device costs as much as one of ten. And for how long one counts among them, in milliseconds.
 */
export const REGISTRATION_BATCHES_AT_ONCE_MAX = 3;
export const REGISTRATION_PROMPT_MS = 250;
