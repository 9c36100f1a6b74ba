/** Bounds of `control`, each with its unit and the trouble it prevents (R9). */

// Reading
/** Runs of a thread that are listed at once while its messages are read: few pages of messages need more. */
export const THREAD_RUNS_PER_READ = 10;

// Pushing
/** Agents that a push reads to find a cycle: each is a query. A longer way round is found when a call is made. */
export const CHILD_AGENTS_WALKED_MAX = 100;

// Forks
/**
 * Bytes of facts up to the one at which a run is forked. They are copied, and no model takes a conversation of this
 * size.
 */
export const FORK_BYTES_MAX = 8 * 1024 * 1024;

// Disabling a tenant
/** Runs that one call cancels: it takes seconds, and the next call cancels more. */
export const DISABLED_RUNS_CANCELED_MAX = 10_000;
/** Runs that are canceled at once: more would only wait for a connection to the store. */
export const DISABLED_RUNS_AT_ONCE_MAX = 8;
