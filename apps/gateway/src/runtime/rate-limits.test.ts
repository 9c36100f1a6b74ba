import { expect, test } from "vitest";
import { ManualClock } from "../../test/support/manual-clock.ts";
import { RateLimits } from "./rate-limits.ts";

test("one asker that exhausts its rate costs another nothing", () => {
  const clock = new ManualClock();
  const limits = new RateLimits({ rate: { perSecond: 1, burst: 2 }, keysMax: 10, clock });
  expect(["a", "a", "a", "b"].map((key) => limits.take(key).kind)).toEqual(["taken", "taken", "refused", "taken"]);
  expect(limits.take("a")).toEqual({ kind: "refused", retryAfterMs: 1001 });
  limits.giveBack("a");
  expect(limits.take("a").kind).toBe("taken");
  clock.advance(1001);
  expect(limits.take("a").kind).toBe("taken");
});

test("of more askers than are remembered, those that were silent longest are forgotten (R9)", () => {
  const limits = new RateLimits({ rate: { perSecond: 1, burst: 1 }, keysMax: 2, clock: new ManualClock() });
  for (const key of ["a", "b", "a", "c"]) limits.take(key);
  expect(["a", "b"].map((key) => limits.take(key).kind)).toEqual(["refused", "taken"]);
});
