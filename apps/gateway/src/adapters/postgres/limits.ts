/** Bounds of `adapters/postgres`, each with its unit and the trouble it prevents (R9). */

// Connections
/**
 * Connections of one gateway to Postgres. A server usually has hundreds, which is enough for a few dozen gateways.
 * Statements are short, so ten serve many runs.
 */
export const STORE_CONNECTIONS_DEFAULT = 10;
/** Connections that `connection_limit` in the address may ask for. More help nobody: a server has hundreds for all. */
export const STORE_CONNECTIONS_MAX = 100;
/** The least `connect_timeout` that is meant, in seconds. A shorter one is taken for this, as libpq does. */
export const CONNECT_TIMEOUT_S_MIN = 2;
/** How long a statement waits for a connection, a new one or a free one. After that the store counts as away. */
export const STORE_CONNECT_TIMEOUT_MS = 3000;
/** How long Postgres works on one statement. */
export const STORE_STATEMENT_TIMEOUT_MS = 10_000;
/** How long we wait for the answer to a statement. After that its connection counts as broken. */
export const STORE_ANSWER_TIMEOUT_MS = 12_000;
/**
 * Both bounds for heartbeats and renewals. A connection that fell silent must be given up while there is time to renew
 * over another. Two thirds of a lease are left after the last renewal.
 */
export const STORE_PULSE_TIMEOUT_MS = 2000;
/** How long a migration may take. One of a large table takes its time. */
export const STORE_SCRIPT_TIMEOUT_MS = 3600_000;

// Statements
/**
 * Tries of one statement that collides with another over something unique. Each collision means that another got
 * through, so more than a few are a bug.
 */
export const COLLISIONS_MAX = 5;
/** Tries of a commit that is refused although the run's row fits. More are a bug. */
export const COMMIT_TRIES_MAX = 5;
/**
 * Tries of a start whose thread has had another turn each time. Each of them was a start that got through. A client
 * that is told to come back does so with the same idempotency key.
 */
export const START_TRIES_MAX = 10;
/** Agents whose look-up is remembered, and the characters of a config that is. Beyond them the store is asked first. */
export const REMEMBERED_AGENTS_MAX = 500;
export const REMEMBERED_CONFIG_CHARACTERS_MAX = 64 * 1024;
/** How far the clocks of this machine may drift apart, in ms, before the store is asked for its time. */
export const CLOCKS_DIFFER_MS_MAX = 100;
/** Tenants that one claim visits in each of its two rounds: after the tenant served last, and from the first tenant. */
export const CLAIM_TENANTS_MAX = 64;

// The data folder
/**
 * How old the lock of a dead process may become while it is taken over. That takes milliseconds; older is abandoned.
 */
export const LOCK_TAKEOVER_MAX_MS = 10_000;
/** How often the holder of the data folder shows that it lives, in ms. */
export const LOCK_BEAT_MS = 2000;
/**
 * After this silence a holder on another kernel counts as dead, in ms. A process that stalls for so long has lost all
 * of its leases too.
 */
export const LOCK_BEAT_STALE_MS = 30_000;
/** How often a heartbeat is looked at by a process that waits for it, in ms. */
export const LOCK_BEAT_LOOK_MS = 250;
/** How long a holder's socket may take to accept a connection, in ms. The kernel does it, so it takes no time. */
export const LOCK_SOCKET_TIMEOUT_MS = 1000;

// Lists
/**
 * Statements of lists whose plans Postgres keeps, on each of its connections. There is one for each set of filters that
 * was asked for, and clients choose these.
 */
export const LIST_STATEMENTS_MAX = 128;

// Plans
/** A table up to this size outgrows no plan: to look at all of its rows takes a fraction of a millisecond. */
export const OUTGROWN_BYTES_MIN = 64 * 1024;

// Examination
/** The oldest major version that serves. */
export const POSTGRES_VERSION_MIN = 15;
/** How far the clocks of Postgres and of this machine may be apart, in milliseconds: tokens live for minutes. */
export const POSTGRES_CLOCK_SKEW_MS_MAX = 5000;

/**
 * Pages that the embedded Postgres keeps, in MB. It touches all of them as it starts, so an idle gateway holds them for
 * good. What it reads again lies in the system's cache.
 */
export const SHARED_BUFFERS_MAX_MB = 16;

/** The largest number that the column of a turn takes. */
export const THREAD_TURN_MAX = 2 ** 31 - 1;

/** The latest time of an id, in ms: a UUIDv7 has 48 bits for it. */
export const ID_MS_MAX = 2 ** 48 - 1;
