/** Bounds of `adapters/postgres`, each with its unit and the trouble it prevents (R9). */

// The store
/**
 * Connections of one gateway to Postgres: a few dozen gateways fit under a server's usual hundreds, and statements are
 * short.
 */
export const STORE_CONNECTIONS_DEFAULT = 10;
/** Waiting for a connection, a new one or a free one; past this the store is away. */
export const STORE_CONNECT_TIMEOUT_MS = 3000;
/**
 * How long Postgres works on one statement; and how long we wait for its answer before the connection counts as broken.
 */
export const STORE_STATEMENT_TIMEOUT_MS = 10_000;
export const STORE_ANSWER_TIMEOUT_MS = 12_000;
/**
 * The same for beats and renewals: a connection that fell silent must be given up while there is time to renew over
 * another, a third of a lease after the last time.
 */
export const STORE_PULSE_TIMEOUT_MS = 2000;
/** A migration of a large table may take its time. */
export const STORE_SCRIPT_TIMEOUT_MS = 3600_000;
/** Taking over the lock of a dead process takes milliseconds; what is older was given up half-way. */
export const LOCK_TAKEOVER_MAX_MS = 10_000;
/** Tenants that one claim goes round, twice: after the one served last, and from the first. */
export const CLAIM_TENANTS_MAX = 64;
