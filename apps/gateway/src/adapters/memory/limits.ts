/** Bounds of `adapters/memory`, each with its unit and the trouble it prevents (R9). */

// The live log. It has no `maxmemory` of Redis that would save the gateway.
/** Runs remembered. */
export const MEMORY_LIVE_LOG_RUNS_MAX = 2000;
/** Characters of payload over all runs: at most 128 MiB. */
export const MEMORY_LIVE_LOG_CHARACTERS_MAX = 64 * 1024 * 1024;
/**
 * Records of one run above its bound before the oldest are removed together. To remove one at every append would move
 * the whole array each time.
 */
export const MEMORY_LIVE_LOG_TRIM_RECORDS = 128;
