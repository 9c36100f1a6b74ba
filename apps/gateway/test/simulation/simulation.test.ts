import { describe, expect, test } from "vitest";
import { REGRESSIONS } from "./seeds.ts";
import { playSeed } from "./world.ts";

/** As many as fit into two minutes beside the other suites; `npm run simulate` plays the others. */
const SEEDS = 4000;
const SEEDS_PER_TEST = 200;
const TIMEOUT_MS = 120_000;

describe("simulation", () => {
  test.each(REGRESSIONS)("seed $seed, which once found a bug, finds none", async ({ seed, ...options }) => {
    expect((await playSeed(seed, options)).violations).toEqual([]);
  });

  test("a seed decides everything: played twice, the same happens in the same order", async () => {
    for (const seed of [3, 5, 100, 2024]) {
      const [first, second] = [await playSeed(seed), await playSeed(seed)];
      expect(second).toEqual(first);
      expect(first.steps).toBeGreaterThan(100);
    }
    expect((await playSeed(1)).hash).not.toBe((await playSeed(2)).hash);
  });

  const firsts = Array.from({ length: SEEDS / SEEDS_PER_TEST }, (_, index) => 1 + index * SEEDS_PER_TEST);
  test.each(firsts)(
    `crashes, outages, zombies and lost messages cost nothing: ${SEEDS_PER_TEST} seeds from %i`,
    async (from) => {
      for (let seed = from; seed < from + SEEDS_PER_TEST; seed++) {
        const { violations } = await playSeed(seed);
        expect({ seed, violations }).toEqual({ seed, violations: [] });
      }
    },
    TIMEOUT_MS,
  );
});
