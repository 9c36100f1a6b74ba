import type { Run } from "@hsafa/protocol";
import { expect, test } from "vitest";
import { mergeRuns } from "./listed-runs.ts";

const run = (id: string, status: Run["status"] = "running"): Run =>
  ({ id, status, completedAt: status === "completed" ? "2026-11-29T12:00:00.000Z" : null }) as Run;

test("a run that arrives is counted, and moves nothing that is read", () => {
  const merged = mergeRuns([run("5"), run("3")], [run("7"), run("6"), run("5"), run("3")]);
  expect(merged.shown.map(({ id }) => id)).toEqual(["5", "3"]);
  expect(merged.arrived.map(({ id }) => id)).toEqual(["7", "6"]);
});

test("a run that is shown gets its newest state, and an ended one keeps its end", () => {
  const merged = mergeRuns([run("5"), run("3", "completed")], [run("5", "completed"), run("3")]);
  expect(merged.shown.map(({ status }) => status)).toEqual(["completed", "completed"]);
  expect(merged.arrived).toEqual([]);
});

test("the first runs of an empty list have arrived", () => {
  expect(mergeRuns([], [run("1")]).arrived).toHaveLength(1);
});
