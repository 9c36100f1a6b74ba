import fc from "fast-check";
import { expect, test } from "vitest";
import { backoffMs } from "./backoff.ts";

const BOUNDS = { minMs: 100, maxMs: 1000 };

test("the bound doubles with each failure and stops at the maximum", () => {
  const bounds = [1, 2, 3, 4, 5, 50].map((failures) => backoffMs(failures, BOUNDS, 1));
  expect(bounds).toEqual([100, 200, 400, 800, 1000, 1000]);
});

test("half of the bound is a floor, so that nobody hammers what has just failed", () => {
  expect(backoffMs(1, BOUNDS, 0)).toBe(50);
  expect(backoffMs(9, BOUNDS, 0)).toBe(500);
});

test("a delay stays finite and within its bound after any number of failures", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 1e9 }),
      fc.double({ min: 0, max: 0.999, noNaN: true }),
      (failures, jitter) => {
        const delayMs = backoffMs(failures, BOUNDS, jitter);
        expect(delayMs).toBeGreaterThanOrEqual(BOUNDS.minMs / 2);
        expect(delayMs).toBeLessThanOrEqual(BOUNDS.maxMs);
      },
    ),
  );
});
