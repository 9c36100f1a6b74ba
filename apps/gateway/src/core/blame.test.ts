import { expect, test } from "vitest";
import { isHopeless, isStall } from "./blame.ts";
import { RECOVERIES_MAX, STALLS_MAX } from "./limits.ts";

test.each<[string, number, number, boolean]>([
  ["code that runs for seconds", 3000, 2900, true],
  ["code that runs for seconds on a busy machine", 8000, 900, true],
  ["a gap that costs no lease", 1900, 1900, false],
  ["a frozen process", 8000, 3, false],
])("%s", (_, gapMs, cpuMs, stalls) => {
  expect(isStall({ gapMs, cpuMs, leaseDurationMs: 6000 })).toBe(stalls);
});

test("a run is given up for its lost leases, or for its stalls, and not for the sum of both", () => {
  expect(isHopeless({ recoveries: RECOVERIES_MAX, stalls: STALLS_MAX })).toBe(false);
  expect(isHopeless({ recoveries: RECOVERIES_MAX + 1, stalls: 0 })).toBe(true);
  expect(isHopeless({ recoveries: 0, stalls: STALLS_MAX + 1 })).toBe(true);
});
