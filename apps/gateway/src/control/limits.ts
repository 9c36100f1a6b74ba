/** Bounds of `control`, each with its unit and the trouble it prevents (R9). */

// Reading
/** Runs of a thread whose facts are in memory at once while its messages are read. */
export const THREAD_RUNS_PER_READ = 10;
