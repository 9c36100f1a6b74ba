import { backoffMs } from "./backoff.ts";
import type { ModelFailure, ModelFailureKind } from "./input.ts";
import { MODEL_RETRY, MODEL_RETRY_AFTER_MAX_MS } from "./limits.ts";

const RETRYABLE: Readonly<Record<ModelFailureKind, boolean>> = {
  rate_limited: true,
  overloaded: true,
  network: true,
  idle: true,
  unauthorized: false,
  bad_request: false,
  bad_response: false,
  unknown_model: false,
  other: false,
};

export type RetryDecision = { readonly kind: "retry"; readonly delayMs: number } | { readonly kind: "give_up" };

/**
 * Decides whether a failed model call is made again, and after how many ms: never sooner than the provider asked.
 * `attempt` counts the failures so far, this one included. `jitter` is in [0, 1).
 */
export function decideRetry(params: {
  readonly failure: ModelFailure;
  readonly attempt: number;
  readonly maxAttempts: number;
  readonly jitter: number;
}): RetryDecision {
  const { failure, attempt, maxAttempts, jitter } = params;
  const retryAfterMs = failure.retryAfterMs ?? 0;
  if (!RETRYABLE[failure.kind] || attempt >= maxAttempts || retryAfterMs > MODEL_RETRY_AFTER_MAX_MS)
    return { kind: "give_up" };
  return { kind: "retry", delayMs: Math.max(retryAfterMs, Math.round(backoffMs(attempt, MODEL_RETRY, jitter))) };
}
