import { expect, test } from "vitest";
import { brokenBounds, HEALTH_P99_MAX_MS, RSS_BYTES_MAX } from "./abuse-bounds.ts";
import type { AbuseRow } from "./measure-abuse.ts";

const GOOD: AbuseRow = {
  name: "an attack",
  healthP99Ms: HEALTH_P99_MAX_MS,
  healthMaxMs: 900,
  aloneP50Ms: 100,
  runP50Ms: 200,
  runMaxMs: 500,
  runs: 10,
  failedRuns: [],
  peakRssBytes: RSS_BYTES_MAX,
};

test("a row at its bounds keeps them, and each figure beyond its bound is named", () => {
  expect(brokenBounds(GOOD)).toEqual([]);
  const beyond: Partial<AbuseRow>[] = [
    { healthP99Ms: HEALTH_P99_MAX_MS + 1 },
    { runP50Ms: 201 },
    { peakRssBytes: RSS_BYTES_MAX + 1 },
    { failedRuns: ["gone"] },
  ];
  for (const figures of beyond) expect(brokenBounds({ ...GOOD, ...figures })).toHaveLength(1);
});
