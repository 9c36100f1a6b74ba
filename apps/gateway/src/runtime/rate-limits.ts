import type { Clock } from "../ports/clock.ts";
import { giveTokensBack, type Rate, type TokenBucket, takeTokens } from "./token-bucket.ts";

export type RateDecision = { readonly kind: "taken" } | { readonly kind: "refused"; readonly retryAfterMs: number };

const TAKEN: RateDecision = { kind: "taken" };

/**
 * One rate for each of many askers: tenants, keys, addresses. It remembers the `keysMax` askers that came last. One
 * that was forgotten is new again, so `keysMax` must be more than can exhaust the burst at about the same time.
 */
export class RateLimits {
  readonly #rate: Rate;
  readonly #keysMax: number;
  readonly #clock: Pick<Clock, "monotonic">;
  /** The asker that was silent longest is the first. */
  readonly #buckets = new Map<string, TokenBucket>();

  constructor(params: {
    readonly rate: Rate;
    readonly keysMax: number;
    readonly clock: Pick<Clock, "monotonic">;
  }) {
    this.#rate = params.rate;
    this.#keysMax = params.keysMax;
    this.#clock = params.clock;
  }

  /** Takes tokens of this asker. A refusal costs nothing, and says after how many ms the same may be let in. */
  take(key: string, count = 1): RateDecision {
    const taken = takeTokens(this.#buckets.get(key) ?? null, this.#rate, this.#clock.monotonic(), count);
    this.#keep(key, taken.bucket);
    return taken.kind === "taken" ? TAKEN : { kind: "refused", retryAfterMs: taken.retryAfterMs };
  }

  /** Puts tokens of this asker back. */
  giveBack(key: string, count = 1): void {
    const bucket = this.#buckets.get(key);
    if (bucket !== undefined) this.#buckets.set(key, giveTokensBack(bucket, this.#rate, count));
  }

  #keep(key: string, bucket: TokenBucket): void {
    this.#buckets.delete(key);
    if (this.#buckets.size >= this.#keysMax) {
      const oldest = this.#buckets.keys().next().value;
      if (oldest !== undefined) this.#buckets.delete(oldest);
    }
    this.#buckets.set(key, bucket);
  }
}
