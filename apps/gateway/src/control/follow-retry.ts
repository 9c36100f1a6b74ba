import { FOLLOW_RETRY_MAX_MS, FOLLOW_RETRY_MIN_MS } from "../core/limits.ts";

/**
 * How long a reader waits after so many reads in a row (1 or more) that brought nothing: first about one flush of deltas, then ever longer. `chance` in [0, 1)
 * spreads the readers.
 */
export function retryDelayMs(fruitless: number, chance: number): number {
  const delayMs = Math.min(FOLLOW_RETRY_MAX_MS, FOLLOW_RETRY_MIN_MS * 2 ** Math.min(fruitless - 1, 16));
  return delayMs * (0.75 + chance / 4);
}
