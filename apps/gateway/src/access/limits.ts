/** Bounds of `access`, each with its unit and the trouble it prevents (R9). */
import type { Rate } from "../runtime/token-bucket.ts";

// Credentials
/** A bearer credential, in characters: no key or token of ours comes near it. */
export const CREDENTIAL_CHARACTERS_MAX = 8192;
/** API keys that a gateway remembers, and for how long in ms: a revoked key lives on that long at most. */
export const API_KEY_CACHE_MAX = 1000;
export const API_KEY_CACHE_TTL_MS = 10_000;
/** Look-ups of one wrong key before it is remembered as wrong, and for how long then, in ms. */
export const WRONG_KEY_TRIES = 3;
export const WRONG_KEY_TTL_MS = 10_000;
/** Wrong keys that a gateway remembers: a few hundred bytes each. */
export const WRONG_KEYS_MAX = 5000;
/** Look-ups of unknown keys at once, and waiting for it. Guesses must not fill the store's connections. */
export const KEY_LOOKUPS_AT_ONCE_MAX = 2;
export const KEY_LOOKUPS_WAITING_MAX = 100;
/** When one that found no place may come back, in ms. */
export const KEY_LOOKUP_RETRY_MS = 1000;
/** Look-ups of unknown keys for one address. A fleet behind one address may start at once with a key each. */
export const KEY_LOOKUP_RATE: Rate = { perSecond: 20, burst: 200 };

// Rates
/** Tenants, principals and addresses whose rates a gateway remembers, each: about 200 bytes. */
export const ASKERS_REMEMBERED_MAX = 50_000;
/** Seconds of a rate that may be spent at once: programs work in bursts. */
export const RATE_BURST_S = 4;
