import { expect, test } from "vitest";
import { PLANTED } from "./planted.ts";
import { playSeed } from "./play-seed.ts";

const TIMEOUT_MS = 120_000;

test.each(PLANTED)(
  "a bug planted on purpose is found: $plant",
  async ({ plant, breaks, faults, traits, seedsMax }) => {
    let found: readonly string[] = [];
    for (let seed = 1; seed <= seedsMax && found.length === 0; seed++) {
      found = (await playSeed(seed, { plant, faults, traits })).violations;
    }
    expect(found[0] ?? "nothing was found").toMatch(breaks);
  },
  TIMEOUT_MS,
);
