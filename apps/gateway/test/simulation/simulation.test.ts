import { describe, expect, test } from "vitest";
import { REGRESSIONS } from "./seeds.ts";
import { playInCi } from "./play-in-ci.ts";
import { playSeed } from "./play-seed.ts";

describe("simulation", () => {
  test.each(REGRESSIONS)("seed $seed, which once found a bug, finds none", async ({ seed, ...options }) => {
    expect((await playSeed(seed, options)).violations).toEqual([]);
  });

  test("a seed decides everything: played twice, the same happens in the same order", async () => {
    for (const seed of [3, 5, 100, 2024]) {
      const [first, second] = [await playSeed(seed), await playSeed(seed)];
      expect(second).toEqual(first);
      expect(first.counts.steps).toBeGreaterThan(100);
    }
    expect((await playSeed(1)).hash).not.toBe((await playSeed(2)).hash);
  });

  playInCi("first half");
});
