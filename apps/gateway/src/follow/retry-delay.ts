import { FLUSH_INTERVAL_MS } from "../ports/limits.ts";
import { FOLLOW_RETRY_MAX_MS } from "./limits.ts";

/**
 * How long a reader waits after so many reads in a row (1 or more) that brought nothing: first one flush of deltas,
 * then ever longer. `chance` in [0, 1) spreads the readers.
 */
export function retryDelayMs(fruitless: number, chance: number): number {
  const delayMs = Math.min(FOLLOW_RETRY_MAX_MS, FLUSH_INTERVAL_MS * 2 ** Math.min(fruitless - 1, 16));
  return delayMs * (1 + chance / 4);
}
