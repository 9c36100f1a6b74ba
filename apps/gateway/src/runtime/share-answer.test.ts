import { expect, test } from "vitest";
import { ManualClock } from "../../test/support/manual-clock.ts";
import { shareAnswer } from "./share-answer.ts";

test("of many who ask at once one asks, and its answer serves for a while", async () => {
  const clock = new ManualClock();
  let asked = 0;
  const ask = shareAnswer(async () => ++asked, { keptMs: 100, clock });
  expect(await Promise.all([ask(), ask(), ask()])).toEqual([1, 1, 1]);
  clock.advance(99);
  expect(await ask()).toBe(1);
  clock.advance(1);
  expect(await ask()).toBe(2);
});

test("a failure serves those who wait for it, and nobody after", async () => {
  let asked = 0;
  const ask = shareAnswer(() => (++asked === 1 ? Promise.reject(new Error("away")) : Promise.resolve("here")), {
    keptMs: 100,
    clock: new ManualClock(),
  });
  const both = await Promise.allSettled([ask(), ask()]);
  expect(both.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  expect(await ask()).toBe("here");
});
