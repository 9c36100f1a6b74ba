/** Seeds that once found a bug in the runtime; `docs/reliability-bugs.md` tells what. They are played before any other. */
export const REGRESSION_SEEDS: readonly number[] = [249];
