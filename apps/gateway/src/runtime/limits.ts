/** Bounds of `runtime`, each with its unit and the trouble it prevents (R9). */

/**
 * Of the event loop, in ms of each second: what the large work of one tenant may take while others use the gateway. And
 * how far ahead of that it may be.
 */
export const LOOP_SHARE_MS_PER_S = 100;
export const LOOP_SHARE_AHEAD_MS = 50;
/** What the start of a run costs beside its bytes, in ms of the event loop. Its tenant is charged for that. */
export const START_MS = 2;
/** How long after its last request or step a tenant counts as one who uses the gateway, in ms. */
export const TENANT_ACTIVE_MS = 5000;
/** Turns of one tenant that wait. Each holds a request or a socket, and no body of it. Beyond, requests are refused. */
export const LOOP_TURNS_WAITING_MAX = 500;
/** Tenants whose share is remembered: about 100 bytes each, and more than owe something at a time. */
export const LOOP_SHARES_REMEMBERED_MAX = 10_000;

// Quotas
/** Tenants whose usage a gateway remembers: about a kB each. */
export const TENANTS_REMEMBERED_MAX = 10_000;
/**
 * How long usage is remembered before it is read anew, and for how long at most it counts meanwhile, in ms. What comes
 * in between is within `QUOTA_MARGINS`.
 */
export const USAGE_KEPT_MS = 1000;
export const USAGE_STALE_MAX_MS = 10_000;
/** Work of this size, in bytes, takes a turn on the event loop: smaller work costs less than a millisecond. */
export const TURN_BYTES_MIN = 16 * 1024;
/**
 * What a large body, answer or commit costs where nobody measures it, in ms of the event loop for each MiB. It is read,
 * stored, and given back to the collector. Its tenant is charged for that.
 */
export const LARGE_MS_PER_MIB = 12;
