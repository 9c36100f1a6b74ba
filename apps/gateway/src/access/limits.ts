/** Bounds of `access`, each with its unit and the trouble it prevents (R9). */

// Credentials
/** A bearer credential, in characters: no key or token of ours comes near it. */
export const CREDENTIAL_CHARACTERS_MAX = 8192;
/** API keys that a gateway remembers, and for how long in ms: a revoked key lives on that long at most. */
export const API_KEY_CACHE_MAX = 1000;
export const API_KEY_CACHE_TTL_MS = 10_000;
