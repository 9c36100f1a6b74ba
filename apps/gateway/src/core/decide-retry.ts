import type { AgentConfig } from "@hsafa/protocol";
import { backoffMs } from "./backoff.ts";
import type { ModelFailure, ModelFailureKind } from "./input.ts";
import { MODEL_LOADING_RETRY, MODEL_RETRY, MODEL_RETRY_AFTER_MAX_MS } from "./limits.ts";

const RETRYABLE: Readonly<Record<ModelFailureKind, boolean>> = {
  rate_limited: true,
  overloaded: true,
  network: true,
  idle: true,
  timeout: false,
  unauthorized: false,
  bad_request: false,
  bad_response: false,
  context_exceeded: false,
  unknown_model: false,
  quota_exceeded: false,
  price_unknown: false,
  other: false,
};

export type RetryDecision =
  /** `isLoading`: the attempt does not count. */
  { readonly kind: "retry"; readonly delayMs: number; readonly isLoading: boolean } | { readonly kind: "give_up" };

/**
 * Decides whether a failed model call is made again, and after how many ms: never sooner than the provider asked.
 *
 * A model that is still loading is waited for until it has been loading for `loadingTimeoutMs`, and its attempts do not
 * count. An agent with one attempt waits for nothing. `attempt` counts the failures so far, this one included, and
 * `loadingAttempts` those before it that do not count. `jitter` is in [0, 1).
 */
export function decideRetry(params: {
  readonly failure: ModelFailure;
  readonly attempt: number;
  readonly loadingAttempts: number;
  /** How long the model has been loading, in ms; 0 if this is the first sign of it. */
  readonly loadingForMs: number;
  readonly retry: AgentConfig["retry"];
  readonly jitter: number;
}): RetryDecision {
  const { failure, attempt, loadingAttempts, loadingForMs, retry, jitter } = params;
  const { maxAttempts, loadingTimeoutMs } = retry;
  const retryAfterMs = failure.retryAfterMs ?? 0;
  if (failure.isLoading === true && maxAttempts > 1) {
    const delayMs = Math.max(retryAfterMs, Math.round(backoffMs(loadingAttempts + 1, MODEL_LOADING_RETRY, jitter)));
    if (loadingForMs + delayMs <= loadingTimeoutMs) return { kind: "retry", delayMs, isLoading: true };
    if (loadingAttempts > 0) return { kind: "give_up" };
  }
  const counted = attempt - loadingAttempts;
  if (!RETRYABLE[failure.kind] || counted >= maxAttempts || retryAfterMs > MODEL_RETRY_AFTER_MAX_MS)
    return { kind: "give_up" };
  const delayMs = Math.max(retryAfterMs, Math.round(backoffMs(counted, MODEL_RETRY, jitter)));
  return { kind: "retry", delayMs, isLoading: false };
}
