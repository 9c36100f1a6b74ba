/** Bounds of `access`, each with its unit and the trouble it prevents (R9). */
import type { Rate } from "../runtime/token-bucket.ts";

// Credentials
/** A bearer credential, in characters: no key or token of ours comes near it. */
export const CREDENTIAL_CHARACTERS_MAX = 8192;
/** API keys that a gateway remembers, and for how long in ms. Revocations end them sooner. */
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
/** Letters of a pairing code: 34 bits, so that nobody guesses one of a hundred within its life. */
export const PAIRING_CODE_CHARACTERS = 8;
/** How long a pairing code is good, in ms: as long as a person needs to go and type it. */
export const PAIRING_CODE_LIFE_MS = 5 * 60_000;
/** Wrong pairing codes that one credential may try, each second and at once: a person mistypes a few. */
export const PAIRING_TRIES_RATE: Rate = { perSecond: 1 / 6, burst: 10 };
/** How long the use of keys waits to be written, in ms, so that many are written at once. */
export const KEY_USE_DELAY_MS = 1000;

// Sessions of the console
/** The longest life of a session, in ms: a day's work. Then the credential is entered again. */
export const SESSION_LIFE_MS = 12 * 3_600_000;
/** A session in its cookie, in characters: browsers keep 4096 bytes of a cookie with its name and attributes. */
export const SESSION_CHARACTERS_MAX = 3800;
/** The key that seals sessions, in bytes: AES with 256 bits. */
export const SESSION_KEY_BYTES = 32;

// Revocations
/**
 * How often a gateway reads revocations when no ring comes, in ms. A revocation holds everywhere within a second, with
 * time to spare for the read. It costs a look into an index.
 */
export const REVOCATION_POLL_MS = 600;
/** How long it waits at most after failures, in ms: while the store is away nothing can be revoked. */
export const REVOCATION_RETRY_MAX_MS = 2000;
/** How often old revocations are looked for, in ms: it walks over all of them. */
export const REVOCATIONS_FORGET_MS = 3_600_000;
/** The longest delay of a timer, in ms: Node takes a longer one for none. */
export const TIMER_MS_MAX = 2 ** 31 - 1;

// Rates
/** Tenants, principals and addresses whose rates a gateway remembers, each: about 200 bytes. */
export const ASKERS_REMEMBERED_MAX = 50_000;
/** Seconds of a rate that may be spent at once: programs work in bursts. */
export const RATE_BURST_S = 4;

// Places
/** When one that found no place may come back, in ms: places are held for minutes. */
export const PLACES_RETRY_MS = 5000;

/**
 * Files that are on their way in or out of one gateway at once. Each holds two chunks (`FILE_CHUNK_BYTES`) at most, so
 * all of them hold 128 MiB.
 */
export const FILE_PLACES_MAX = 64;
