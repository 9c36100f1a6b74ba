import { expect, test } from "vitest";
import { seededRandom } from "../support/seeded-random.ts";
import { flatVerdict, type Sample, SAMPLES_MIN } from "./flat-verdict.ts";

const MIB = 1024 ** 2;
const BOUNDS = { heap: 8 * MIB };

/** One sample a minute, by the minute. */
function samplesOf(minutes: number, heapAt: (minute: number) => number): Sample[] {
  return Array.from({ length: minutes }, (_, minute) => ({ atMs: minute * 60_000, values: { heap: heapAt(minute) } }));
}

function isFlat(samples: readonly Sample[]): boolean {
  return flatVerdict(samples, BOUNDS).isFlat;
}

test("a heap that only wavers is flat, and one that leaks below the wavering is not", () => {
  const random = seededRandom(7);
  const noise = (): number => (random() - 0.5) * 6 * MIB;
  expect(isFlat(samplesOf(60, () => 80 * MIB + noise()))).toBe(true);
  expect(isFlat(samplesOf(60, (minute) => 80 * MIB + noise() + minute * 0.3 * MIB))).toBe(false);
});

test("what rises while it warms up does not count, and what goes on rising does", () => {
  expect(isFlat(samplesOf(60, (minute) => Math.min(minute, 14) * 5 * MIB))).toBe(true);
  expect(isFlat(samplesOf(60, (minute) => Math.min(minute, 50) * 5 * MIB))).toBe(false);
});

test("a few peaks are no trend, and a fall is no leak", () => {
  expect(isFlat(samplesOf(60, (minute) => (minute % 9 === 0 ? 900 : 80) * MIB))).toBe(true);
  expect(isFlat(samplesOf(60, (minute) => (200 - minute) * MIB))).toBe(true);
});

test("the same leak that a short soak forgives is found by a longer one", () => {
  const leak = (minute: number): number => minute * 0.25 * MIB;
  expect(isFlat(samplesOf(20, leak))).toBe(true);
  expect(isFlat(samplesOf(60, leak))).toBe(false);
});

test("the trend is told for the time that counts and for an hour", () => {
  const { trends, counted } = flatVerdict(
    samplesOf(60, (minute) => minute * MIB),
    BOUNDS,
  );
  expect(counted).toBe(45);
  expect(trends).toEqual([{ series: "heap", rise: 44 * MIB, risePerHour: 60 * MIB, bound: 8 * MIB, isFlat: false }]);
});

test("too few samples, and a series that was not measured, are not flat", () => {
  expect(isFlat(samplesOf(SAMPLES_MIN, () => 1))).toBe(false);
  expect(isFlat(samplesOf(8, () => 1))).toBe(true);
  expect(
    flatVerdict(
      samplesOf(8, () => 1),
      { ...BOUNDS, sockets: 4 },
    ).isFlat,
  ).toBe(false);
});
