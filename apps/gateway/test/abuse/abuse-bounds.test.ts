import { expect, test } from "vitest";
import { ABUSE_BOUNDS, BUSY_MACHINE_BOUNDS, brokenBounds, RSS_BYTES_MAX } from "./abuse-bounds.ts";
import type { AbuseRow } from "./measure-abuse.ts";

const GOOD: AbuseRow = {
  name: "an attack",
  healthP95Ms: 100,
  healthP99Ms: ABUSE_BOUNDS.health.maxMs,
  healthMaxMs: 900,
  aloneP50Ms: 100,
  runP50Ms: 200,
  runMaxMs: 500,
  runs: 10,
  failedRuns: [],
  peakRssBytes: RSS_BYTES_MAX,
};

test("a row at its bounds keeps them, and each figure beyond its bound is named", () => {
  const broken = (figures: Partial<AbuseRow>): string[] => brokenBounds({ ...GOOD, ...figures }, ABUSE_BOUNDS);
  expect(broken({})).toEqual([]);
  const beyond: Partial<AbuseRow>[] = [
    { healthP99Ms: ABUSE_BOUNDS.health.maxMs + 1 },
    { runP50Ms: 201 },
    { peakRssBytes: RSS_BYTES_MAX + 1 },
    { failedRuns: ["gone"] },
  ];
  for (const figures of beyond) expect(broken(figures)).toHaveLength(1);
});

test("on a busy machine one late answer is forgiven, many are not", () => {
  const healthMs = BUSY_MACHINE_BOUNDS.health.maxMs + 1;
  expect(brokenBounds({ ...GOOD, healthP99Ms: healthMs, runP50Ms: 300 }, BUSY_MACHINE_BOUNDS)).toEqual([]);
  expect(brokenBounds({ ...GOOD, healthP95Ms: healthMs }, BUSY_MACHINE_BOUNDS)).toEqual([
    "/health took 751 ms (p95), more than 750",
  ]);
});
