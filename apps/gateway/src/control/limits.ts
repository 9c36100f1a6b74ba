/** Bounds of `control`, each with its unit and the trouble it prevents (R9). */

// Reading
/** Runs of a thread that are listed at once while its messages are read: few pages of messages need more. */
export const THREAD_RUNS_PER_READ = 10;

// Disabling a tenant
/** Runs that one call cancels: it takes seconds, and the next call cancels more. */
export const DISABLED_RUNS_CANCELED_MAX = 10_000;
/** Runs that are canceled at once: more would only wait for a connection to the store. */
export const DISABLED_RUNS_AT_ONCE_MAX = 8;
