import { BACKOFF_BASE_MS, BACKOFF_MAX_MS } from "./limits.ts";

/**
 * Returns how long to wait before the next attempt, in milliseconds, after `failures` failures in a row:
 *
 *     max(atLeastMs, ceiling / 2 + ceiling / 2 × random)    with ceiling = min(15 s, 250 ms × 2^failures)
 *
 * The wait doubles, so that a gateway in trouble is left alone. Half of it is random (`random` in [0, 1)), so that the
 * clients of a gateway that went down do not come back in step. `atLeastMs` is what the server asked for.
 */
export function backoffMs(failures: number, random: number, atLeastMs = 0): number {
  const ceiling = Math.min(BACKOFF_MAX_MS, BACKOFF_BASE_MS * 2 ** failures);
  return Math.max(atLeastMs, (ceiling / 2) * (1 + random));
}
