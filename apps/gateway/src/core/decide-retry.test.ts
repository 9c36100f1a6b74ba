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
const still = { loadingAttempts: 0, loadingForMs: 0, jitter: 0.5 };
const retry = { maxAttempts: 5, loadingTimeoutMs: 60_000 };
const decide = (of: ModelFailure, attempt = 1) => decideRetry({ ...still, failure: of, attempt, retry });

describe("a failed model call", () => {
  test.each(["rate_limited", "overloaded", "network", "idle"] as const)(
    "a failed model call is made again after %s",
    (kind) => {
      expect(decide(failure(kind)).kind).toBe("retry");
    },
  );

  test.each(["unauthorized", "bad_request", "bad_response", "unknown_model", "other"] as const)(
    "a failed model call is not made again after %s",
    (kind) => {
      expect(decide(failure(kind))).toEqual({ kind: "give_up" });
    },
  );

  test("a failed model call is given up after maxAttempts", () => {
    expect(decide(failure("network"), 5)).toEqual({ kind: "give_up" });
  });

  test("a failed model call waits at least as long as the provider asked, within a bound", () => {
    expect(decide(failure("rate_limited", 20_000))).toEqual({
      kind: "retry",
      delayMs: 20_000,
      isLoading: false,
    });
    expect(decide(failure("rate_limited", MODEL_RETRY_AFTER_MAX_MS + 1))).toEqual({ kind: "give_up" });
  });

  test("a failed model call waits longer each time, within its bounds, whatever the jitter", () => {
    const delays = fc.property(
      fc.integer({ min: 1, max: 9 }),
      fc.double({ min: 0, max: 0.999, noNaN: true }),
      (attempt, jitter) => {
        const decision = decideRetry({
          ...still,
          failure: failure("network"),
          attempt,
          retry: { ...retry, maxAttempts: 10 },
          jitter,
        });
        const boundMs = Math.min(MODEL_RETRY.maxMs, MODEL_RETRY.minMs * 2 ** (attempt - 1));
        return decision.kind === "retry" && decision.delayMs >= boundMs / 2 && decision.delayMs <= boundMs;
      },
    );
    expect(fc.check(delays).failed).toBe(false);
  });
});

describe("a model that is still loading", () => {
  const loading: ModelFailure = { ...failure("overloaded"), isLoading: true };

  /** Plays failures until the run is given up. Returns how long it waited, in ms, and how often it asked. */
  function play(
    failures: (attempt: number) => ModelFailure,
    bounds: typeof retry,
  ): { waitedMs: number; asked: number } {
    let waitedMs = 0;
    let loadingAttempts = 0;
    let loadingSince: number | null = null;
    for (let attempt = 1; attempt < 1000; attempt += 1) {
      const loadingForMs = loadingSince === null ? 0 : waitedMs - loadingSince;
      const decision = decideRetry({
        failure: failures(attempt),
        attempt,
        loadingAttempts,
        loadingForMs,
        retry: bounds,
        jitter: 0.5,
      });
      if (decision.kind === "give_up") return { waitedMs, asked: attempt };
      if (decision.isLoading) {
        loadingAttempts += 1;
        loadingSince ??= waitedMs;
      }
      waitedMs += decision.delayMs;
    }
    throw new Error("It was never given up.");
  }

  test("is waited for up to a total, and no longer", () => {
    const { waitedMs, asked } = play(() => loading, { maxAttempts: 3, loadingTimeoutMs: 300_000 });
    expect(waitedMs).toBeGreaterThan(280_000);
    expect(waitedMs).toBeLessThanOrEqual(300_000);
    expect(asked).toBeLessThan(60);
  });

  test("is not waited for by an agent with one attempt, or with no time for it", () => {
    expect(play(() => loading, { maxAttempts: 1, loadingTimeoutMs: 300_000 })).toEqual({ waitedMs: 0, asked: 1 });
    expect(play(() => loading, { maxAttempts: 3, loadingTimeoutMs: 0 }).asked).toBe(3);
  });

  test("does not use up the attempts at what goes wrong afterwards", () => {
    const failures = (attempt: number): ModelFailure => (attempt <= 20 ? loading : failure("network"));
    expect(play(failures, { maxAttempts: 3, loadingTimeoutMs: 300_000 }).asked).toBe(23);
  });

  test("is asked again no sooner than it says", () => {
    const decision = decide({ ...loading, retryAfterMs: 34_000 });
    expect(decision).toEqual({ kind: "retry", delayMs: 34_000, isLoading: true });
  });

  test("is no more impatient than another overload, if it asks for more than the total", () => {
    const decision = decide({ ...loading, retryAfterMs: 90_000 });
    expect(decision).toEqual({ kind: "retry", delayMs: 90_000, isLoading: false });
  });
});
