import { expect, test } from "vitest";
import { runSoak, type SoakReport } from "../soak/run-soak.ts";
import { soakTable } from "../soak/soak-table.ts";
import type { Turn } from "../soak/turn.ts";
import { TURNS } from "../soak/turns.ts";
import { STRANGER_TURNS } from "../soak/turns/stranger-turns.ts";

/** A planted leak: more in a few seconds than a gateway gains by itself in an hour. */
const LEAK_BYTES = 1024 ** 2;

/** The short form of `npm run soak`. */
function shortSoak(turns: readonly Turn[], leakBytes: number): Promise<SoakReport> {
  return runSoak({
    turns,
    durationMs: 4000,
    sampleEveryMs: 500,
    settleMs: 50,
    turnsPerSecond: 10,
    seed: 1,
    isFleet: false,
    leakBytes,
    say: () => {},
  });
}

test("a gateway holds no more after a mixed load than before, and one that leaks is found to", async () => {
  // One after the other, because each replaces the connections of this process.
  const sound = await shortSoak(TURNS, 0);
  const leaking = await shortSoak(STRANGER_TURNS, LEAK_BYTES);
  for (const { tally, ended } of [sound, leaking]) {
    expect({ failures: tally.failures, ended }).toEqual({ failures: [], ended: null });
  }
  expect(sound.tally.turns.size).toBe(TURNS.length);
  // The table tells what rose.
  expect(sound.verdict.isFlat ? "flat" : soakTable(sound)).toBe("flat");
  const rising = leaking.verdict.trends.filter(({ isFlat }) => !isFlat).map(({ series }) => series);
  expect(rising).toContain("externalBytes");
}, 240_000);
