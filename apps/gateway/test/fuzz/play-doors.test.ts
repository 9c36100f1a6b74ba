import fc from "fast-check";
import { expect, test } from "vitest";
import { door, fine } from "./door.ts";
import type { FuzzTarget } from "./fuzz-target.ts";
import { heapGrowthBytes, tableOf } from "./fuzz-report.ts";
import { playDoor } from "./play-doors.ts";

const target = { ended: () => null } as FuzzTarget;

/** A door to something that fails for each number that 7 divides. */
function plantedDoor(seen: number[]) {
  return door<number>({
    name: "planted",
    share: 100,
    atOnce: 3,
    open: () =>
      Promise.resolve({
        inputs: fc.nat({ max: 1000 }),
        play: (number) => {
          seen.push(number);
          return Promise.resolve(number % 7 === 0 ? { status: "500", fault: "it answered 500" } : fine("200"));
        },
      }),
  });
}

test("a planted fault is found, told with its input, and found again by the same seed", async () => {
  const [one, other]: [number[], number[]] = [[], []];
  const tally = await playDoor(plantedDoor(one), target, { inputs: 700, seed: 3 });
  expect(tally.inputs).toBe(700);
  expect(tally.faultCount).toBeGreaterThan(50);
  expect(tally.faults[0]).toMatch(/^it answered 500: \d+$/);
  expect(tableOf([tally], { before: null, after: null })).toContain(`| planted | 700 | ${tally.faultCount} |`);
  await playDoor(plantedDoor(other), target, { inputs: 700, seed: 3 });
  const sorted = (numbers: readonly number[]): number[] => numbers.toSorted((a, b) => a - b);
  expect(sorted(other)).toEqual(sorted(one));
});

test("an input is not played against a gateway that has ended", async () => {
  const seen: number[] = [];
  const gone = { ended: () => (seen.length >= 10 ? "it ended" : null) } as FuzzTarget;
  const tally = await playDoor(plantedDoor(seen), gone, { inputs: 700, seed: 3 });
  expect(tally.inputs).toBe(10);
});

test("what is held beyond the collector's reach counts as growth", () => {
  const held = { heapUsed: 10, external: 5, arrayBuffers: 0, rss: 100, handles: 1, sockets: 1, timers: 0, cpuMs: 5 };
  expect(heapGrowthBytes(held, { ...held, heapUsed: 14, external: 25, rss: 1 })).toBe(24);
});
