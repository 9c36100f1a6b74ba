import type { ModelFailure, ModelFailureKind } from "./input.ts";
import { RETRY_AFTER_MAX_MS, RETRY_BASE_MS, RETRY_MAX_MS } from "./limits.ts";

const RETRYABLE: Readonly<Record<ModelFailureKind, boolean>> = {
  rate_limited: true,
  overloaded: true,
  network: true,
  idle: true,
  unauthorized: false,
  bad_request: false,
  unknown_model: false,
  other: false,
};

export type RetryDecision = { readonly kind: "retry"; readonly delayMs: number } | { readonly kind: "give_up" };

/**
 * Whether a failed model call is made again, and after how long: "equal jitter" over an exponential bound (Brooker,
 * "Exponential Backoff And Jitter", AWS 2015), never sooner than the provider asked. `attempt` counts failures so far,
 * this one included; `jitter` is in [0, 1).
 */
export function decideRetry(params: {
  readonly failure: ModelFailure;
  readonly attempt: number;
  readonly maxAttempts: number;
  readonly jitter: number;
}): RetryDecision {
  const { failure, attempt, maxAttempts, jitter } = params;
  const retryAfterMs = failure.retryAfterMs ?? 0;
  if (!RETRYABLE[failure.kind] || attempt >= maxAttempts || retryAfterMs > RETRY_AFTER_MAX_MS)
    return { kind: "give_up" };
  const boundMs = Math.min(RETRY_MAX_MS, RETRY_BASE_MS * 2 ** (attempt - 1));
  // Half of the bound is kept as a floor, so that a run never hammers a provider that has just failed.
  return { kind: "retry", delayMs: Math.max(retryAfterMs, Math.round(boundMs * (0.5 + jitter / 2))) };
}
