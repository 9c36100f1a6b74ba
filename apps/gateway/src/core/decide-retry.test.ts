import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decideRetry } from "./decide-retry.ts";
import type { ModelFailure } from "./input.ts";
import { MODEL_RETRY, MODEL_RETRY_AFTER_MAX_MS } from "./limits.ts";

const failure = (kind: ModelFailure["kind"], retryAfterMs: number | null = null): ModelFailure => ({
  kind,
  message: "no",
  retryAfterMs,
});
const decide = (of: ModelFailure, attempt = 1) => decideRetry({ failure: of, attempt, maxAttempts: 5, jitter: 0.5 });

describe("a failed model call", () => {
  test.each(["rate_limited", "overloaded", "network", "idle"] as const)(
    "a failed model call is made again after %s",
    (kind) => {
      expect(decide(failure(kind)).kind).toBe("retry");
    },
  );

  test.each(["unauthorized", "bad_request", "unknown_model", "other"] as const)(
    "a failed model call is not made again after %s",
    (kind) => {
      expect(decide(failure(kind))).toEqual({ kind: "give_up" });
    },
  );

  test("a failed model call is given up after maxAttempts", () => {
    expect(decide(failure("network"), 5)).toEqual({ kind: "give_up" });
  });

  test("a failed model call waits at least as long as the provider asked, within a bound", () => {
    expect(decide(failure("rate_limited", 20_000))).toEqual({ kind: "retry", delayMs: 20_000 });
    expect(decide(failure("rate_limited", MODEL_RETRY_AFTER_MAX_MS + 1))).toEqual({ kind: "give_up" });
  });

  test("a failed model call waits longer each time, within its bounds, whatever the jitter", () => {
    const delays = fc.property(
      fc.integer({ min: 1, max: 9 }),
      fc.double({ min: 0, max: 0.999, noNaN: true }),
      (attempt, jitter) => {
        const decision = decideRetry({ failure: failure("network"), attempt, maxAttempts: 10, jitter });
        const boundMs = Math.min(MODEL_RETRY.maxMs, MODEL_RETRY.minMs * 2 ** (attempt - 1));
        return decision.kind === "retry" && decision.delayMs >= boundMs / 2 && decision.delayMs <= boundMs;
      },
    );
    expect(fc.check(delays).failed).toBe(false);
  });
});
