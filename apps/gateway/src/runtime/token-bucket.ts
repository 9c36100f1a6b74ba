/**
 * The rule of a rate, as a token bucket. It is pure: the time is an argument, and a bucket is a value.
 *
 * 1. Over any span of time, what is taken is at most `burst`, plus `perSecond` for each second, plus one request. A
 *    request that is larger than the burst is let in whole when the bucket is full.
 * 2. A request that is refused costs nothing. After `retryAfterMs` without another request it is let in.
 * 3. A bucket never holds more than `burst`, whatever the clock says.
 */

/** How often something may happen. */
export interface Rate {
  /** Tokens that come back each second. */
  readonly perSecond: number;
  /** Tokens that may be taken at once after a rest. */
  readonly burst: number;
}

/** What is left for one asker. Below zero: a request larger than the burst was let in. */
export interface TokenBucket {
  readonly tokens: number;
  /** When that was true, in milliseconds of a monotonic clock. */
  readonly at: number;
}

export type TakenTokens =
  | { readonly kind: "taken"; readonly bucket: TokenBucket }
  | { readonly kind: "refused"; readonly bucket: TokenBucket; readonly retryAfterMs: number };

/** Takes tokens for one request. `bucket` null: the asker is new, so its bucket is full. */
export function takeTokens(bucket: TokenBucket | null, rate: Rate, now: number, count = 1): TakenTokens {
  const filled = refilled(bucket, rate, now);
  const needed = Math.min(count, rate.burst); // 1.
  if (filled.tokens >= needed) return { kind: "taken", bucket: { tokens: filled.tokens - count, at: filled.at } };
  // A moment more than computed, so that a rounded sum does not refuse the request that waited as told. 2.
  const retryAfterMs = Math.ceil(((needed - filled.tokens) / rate.perSecond) * 1000) + 1;
  return { kind: "refused", bucket: filled, retryAfterMs };
}

/** Puts tokens back that were taken for something that did not happen. */
export function giveTokensBack(bucket: TokenBucket, rate: Rate, count = 1): TokenBucket {
  return { tokens: Math.min(rate.burst, bucket.tokens + count), at: bucket.at }; // 3.
}

function refilled(bucket: TokenBucket | null, { perSecond, burst }: Rate, now: number): TokenBucket {
  if (bucket === null) return { tokens: burst, at: now };
  const elapsedMs = Math.max(0, now - bucket.at);
  return { tokens: Math.min(burst, bucket.tokens + (elapsedMs / 1000) * perSecond), at: Math.max(now, bucket.at) }; // 3.
}
