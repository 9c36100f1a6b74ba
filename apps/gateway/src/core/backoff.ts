/** How the delays between tries grow. */
export interface BackoffBounds {
  /** Bound of the first delay, in milliseconds. */
  readonly minMs: number;
  /** No delay is longer, in milliseconds. */
  readonly maxMs: number;
}

/**
 * Returns how long to wait before the next try, in milliseconds: "equal jitter" over an exponential bound (Brooker,
 * "Exponential Backoff And Jitter", AWS 2015). Half of the bound is a floor, so that nobody hammers what has just
 * failed. The other half is random, so that those who failed together do not return together.
 *
 * `failures`: tries that failed in a row, at least 1. `jitter`: a random number in [0, 1).
 */
export function backoffMs(failures: number, bounds: BackoffBounds, jitter: number): number {
  // After very many failures the power is infinite, and the bound is `maxMs` all the same.
  const boundMs = Math.min(bounds.maxMs, bounds.minMs * 2 ** (failures - 1));
  return boundMs * (0.5 + jitter / 2);
}
