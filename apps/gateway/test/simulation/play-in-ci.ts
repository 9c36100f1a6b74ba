import { expect, test } from "vitest";
import { playSeed } from "./play-seed.ts";

/** As many as fit into half a minute beside the other suites. CI plays 3,500 more by `npm run simulate`. */
const SEEDS = 500;
const SEEDS_PER_TEST = 100;
const TIMEOUT_MS = 120_000;

/** The tests that play one half of the seeds of CI: each half is a file, so that both cores have work. */
export function playInCi(half: "first half" | "second half"): void {
  const firsts = Array.from({ length: SEEDS / SEEDS_PER_TEST }, (_, index) => 1 + index * SEEDS_PER_TEST);
  const mine = firsts.filter((from) => (from <= SEEDS / 2 ? "first half" : "second half") === half);
  test.each(mine)(
    `crashes, outages, zombies and lost messages cost nothing: ${SEEDS_PER_TEST} seeds from %i`,
    async (from) => {
      for (let seed = from; seed < from + SEEDS_PER_TEST; seed++) {
        const { violations } = await playSeed(seed);
        expect({ seed, violations }).toEqual({ seed, violations: [] });
      }
    },
    TIMEOUT_MS,
  );
}
