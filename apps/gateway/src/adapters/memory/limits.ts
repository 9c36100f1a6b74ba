/** Bounds of `adapters/memory`, each with its unit and the trouble it prevents (R9). */

// The live log
/**
 * In process there is no `maxmemory` to save the gateway: runs remembered, and characters of payload over all of them
 * (128 MiB at most).
 */
export const MEMORY_LIVE_LOG_RUNS_MAX = 2000;
export const MEMORY_LIVE_LOG_CHARACTERS_MAX = 64 * 1024 * 1024;
/**
 * Records of one run above its bound before the oldest are removed together. To remove one at every append would move
 * the whole array each time.
 */
export const MEMORY_LIVE_LOG_TRIM_RECORDS = 128;
