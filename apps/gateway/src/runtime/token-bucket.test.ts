import fc from "fast-check";
import { expect, test } from "vitest";
import { giveTokensBack, type Rate, type TokenBucket, takeTokens } from "./token-bucket.ts";

const rate: Rate = { perSecond: 10, burst: 5 };

test("a burst is let in at once, the next one after its time, and a refusal costs nothing", () => {
  let bucket: TokenBucket | null = null;
  for (let nth = 0; nth < 5; nth++) {
    const taken = takeTokens(bucket, rate, 1000);
    expect(taken.kind).toBe("taken");
    bucket = taken.bucket;
  }
  const first = takeTokens(bucket, rate, 1000);
  const second = takeTokens(first.bucket, rate, 1000);
  expect(first).toMatchObject({ kind: "refused", retryAfterMs: 101 });
  expect(second).toEqual(first);
  expect(takeTokens(second.bucket, rate, 1101).kind).toBe("taken");
});

test("a request larger than the burst is let in when nothing else was, and is paid for afterwards", () => {
  const whole = takeTokens(null, rate, 0, 25);
  expect(whole).toEqual({ kind: "taken", bucket: { tokens: -20, at: 0 } });
  expect(takeTokens(whole.bucket, rate, 0)).toMatchObject({ kind: "refused", retryAfterMs: 2101 });
});

test("tokens given back never make more than the burst, and a clock that goes back gives none", () => {
  const { bucket } = takeTokens(null, rate, 1000);
  expect(giveTokensBack(bucket, rate, 100).tokens).toBe(5);
  expect(takeTokens(bucket, rate, 0).bucket).toEqual({ tokens: 3, at: 1000 });
});

const request = fc.record({ waitMs: fc.nat(500), count: fc.integer({ min: 1, max: 8 }) });

test("whatever comes whenever, no span lets in more than its burst, its time and one larger request (1)", () => {
  fc.assert(
    fc.property(fc.array(request, { maxLength: 60 }), (requests) => {
      let bucket: TokenBucket | null = null;
      let now = 0;
      const taken: { readonly at: number; readonly count: number }[] = [];
      for (const { waitMs, count } of requests) {
        now += waitMs;
        const outcome = takeTokens(bucket, rate, now, count);
        bucket = outcome.bucket;
        if (outcome.kind === "taken") taken.push({ at: now, count });
      }
      for (const [first, { at: from }] of taken.entries()) {
        let total = 0;
        for (const { at, count } of taken.slice(first)) {
          total += count;
          const most = rate.burst + ((at - from) / 1000) * rate.perSecond + 8;
          expect(total).toBeLessThanOrEqual(most + 1e-6);
        }
      }
    }),
  );
});

test("who waits as long as told is let in, if nobody else took anything (2)", () => {
  fc.assert(
    fc.property(fc.array(request, { maxLength: 30 }), fc.integer({ min: 1, max: 50 }), (requests, count) => {
      let bucket: TokenBucket | null = null;
      let now = 0;
      for (const { waitMs, count: each } of requests) {
        now += waitMs;
        bucket = takeTokens(bucket, rate, now, each).bucket;
      }
      const outcome = takeTokens(bucket, rate, now, count);
      if (outcome.kind === "taken") return;
      expect(takeTokens(outcome.bucket, rate, now + outcome.retryAfterMs, count).kind).toBe("taken");
    }),
  );
});
