/** What a bystander saw during one measurement. */
export interface BystanderFigures {
  /** How long each request for `/health` took, in milliseconds. */
  readonly health: readonly number[];
  /** How long each run took from its start to the end of its stream, in milliseconds. */
  readonly runs: readonly number[];
  /** Why runs failed. */
  readonly failedRuns: readonly string[];
}

/** Returns the value below which a share of the values lies; 0 if there are none. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}
