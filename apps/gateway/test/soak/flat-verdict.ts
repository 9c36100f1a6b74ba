/**
 * When a gateway counts as flat under load.
 *
 * 1. The first `WARM_UP_SHARE` of the samples does not count: caches fill and code is compiled.
 * 2. The trend of a series is the median of the slopes between all pairs of its samples (Theil and Sen). So up to 29 of
 *    100 samples may be anything without moving it.
 * 3. A series is flat if its trend, over all the time that counts, rises by no more than its bound. The bound is the
 *    same for every length of a soak. So a longer soak finds smaller leaks.
 * 4. Without `SAMPLES_MIN` samples that count nothing is flat.
 */

/** What was measured at one time. */
export interface Sample {
  /** Since the soak began, in milliseconds. */
  readonly atMs: number;
  readonly values: Readonly<Record<string, number>>;
}

/** How one series went. */
export interface Trend {
  readonly series: string;
  /** How much the trend rises over the time that counts, in the unit of the series. */
  readonly rise: number;
  /** The same in an hour. */
  readonly risePerHour: number;
  readonly bound: number;
  readonly isFlat: boolean;
}

export interface FlatVerdict {
  readonly isFlat: boolean;
  readonly trends: readonly Trend[];
  /** Samples that counted. */
  readonly counted: number;
}

const WARM_UP_SHARE = 0.25;
export const SAMPLES_MIN = 6;

const HOUR_MS = 3_600_000;

/** Judges samples by the bounds of their series. A series without a bound is not judged. */
export function flatVerdict(samples: readonly Sample[], bounds: Readonly<Record<string, number>>): FlatVerdict {
  const counted = samples.slice(Math.ceil(samples.length * WARM_UP_SHARE));
  const spanMs = (counted.at(-1)?.atMs ?? 0) - (counted[0]?.atMs ?? 0);
  const isEnough = counted.length >= SAMPLES_MIN && spanMs > 0;
  const trends = Object.entries(bounds).map(([series, bound]): Trend => {
    const slope = isEnough ? medianSlope(counted.map(({ atMs, values }) => ({ atMs, value: values[series] }))) : null;
    const rise = slope === null ? Number.NaN : slope * spanMs;
    return { series, rise, risePerHour: (slope ?? Number.NaN) * HOUR_MS, bound, isFlat: rise <= bound };
  });
  return { isFlat: trends.every(({ isFlat }) => isFlat), trends, counted: counted.length };
}

/** Returns the median slope between all pairs, for a millisecond; null if a sample lacks its value. */
function medianSlope(points: readonly { readonly atMs: number; readonly value: number | undefined }[]): number | null {
  const slopes: number[] = [];
  for (const [index, one] of points.entries()) {
    for (const other of points.slice(index + 1)) {
      if (one.value === undefined || other.value === undefined) return null;
      slopes.push((other.value - one.value) / (other.atMs - one.atMs));
    }
  }
  const sorted = slopes.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  const [low, high] = [sorted[Math.ceil(middle) - 1], sorted[Math.floor(middle)]];
  return low === undefined || high === undefined ? null : (low + high) / 2;
}
