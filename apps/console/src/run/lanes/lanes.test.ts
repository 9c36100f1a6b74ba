import type { FactData, FactEvent, FactType } from "@hsafa/protocol";
import { expect, test } from "vitest";
import { lanesOf } from "./lanes.ts";
import { mergedBars, stackedBars } from "./merged-bars.ts";
import { timeScale } from "./time-scale.ts";

type Given = { [T in FactType]: readonly [number, T, Partial<FactData[T]>] }[FactType];

function facts(given: readonly Given[]): FactEvent[] {
  return given.map(
    ([ms, type, data], index) =>
      ({
        id: `${index + 1}-0`,
        prev: `${index}-0`,
        runId: "r",
        ts: new Date(ms).toISOString(),
        type,
        data,
      }) as unknown as FactEvent,
  );
}

const failure = { code: "busy", message: "too many" };

test("a call is drawn on the device that had it, and a question on the people's lane", () => {
  const lanes = lanesOf(
    facts([
      [0, "message.user", {}],
      [10, "run.started", { epoch: 1 }],
      [20, "step.started", { step: 1 }],
      [50, "step.completed", { step: 1 }],
      [50, "tool.requested", { callId: "c", toolName: "read", target: "device" }],
      [51, "tool.awaiting_approval", { callId: "c" }],
      [51, "run.waiting", { callIds: ["c"] }],
      [90, "tool.approved", { callId: "c", by: "ann" }],
      [91, "tool.dispatched", { callId: "c", attempt: 1 }],
      [120, "tool.completed", { callId: "c", deviceId: "d" }],
    ]),
    [{ id: "c", deviceId: "d", deviceKey: "laptop" }],
  );
  expect(lanes.map(({ name, bars }) => [name, bars.map(({ from, to, tone }) => [from, to, tone])])).toEqual([
    ["people", [[51, 90, "completed"]]],
    ["model", [[20, 50, "completed"]]],
    ["laptop", [[91, 120, "completed"]]],
    ["gateway", [[10, 51, "queued"]]],
  ]);
});

test("a crash ends what was under way, and what follows stands beside it", () => {
  const lanes = lanesOf(
    facts([
      [0, "run.started", { epoch: 1 }],
      [10, "step.started", { step: 1 }],
      [500, "run.recovered", { epoch: 2 }],
      [500, "step.discarded", { step: 1, reason: "crash" }],
      [510, "step.started", { step: 1 }],
      [600, "run.retrying", { attempt: 1, error: failure }],
      [900, "run.failed", { error: failure }],
    ]),
    [],
  );
  const [model, gateway] = lanes;
  expect(model?.bars.map(({ tone }) => tone)).toEqual(["recovered", "failed"]);
  expect(model?.marks.map(({ label }) => label)).toEqual(["attempt 1 failed: too many"]);
  expect(gateway?.bars.map(({ from, to }) => [from, to])).toEqual([
    [0, 500],
    [500, 600],
  ]);
  expect(gateway?.marks.map(({ tone }) => tone)).toEqual(["recovered", "failed"]);
});

test("thousands of calls on one pixel are one mark, which says how many and shows the gravest", () => {
  const bars = Array.from({ length: 5000 }, (_, index) => ({
    from: index,
    to: index + 1,
    tone: index === 2500 ? ("failed" as const) : ("completed" as const),
    label: "read",
    seq: index + 1,
  }));
  const drawn = mergedBars(bars, timeScale([0, 5000]), 400, 5000);
  expect(drawn.length).toBeLessThanOrEqual(401);
  expect(drawn.reduce((sum, one) => sum + one.bars, 0)).toBe(5000);
  expect(drawn.filter(({ tone }) => tone === "failed")).toHaveLength(1);
});

test("calls at the same time stand below each other, and the row is used again once one has ended", () => {
  const bar = (x: number, width: number) =>
    ({
      x,
      width,
      bars: 1,
      tone: "completed",
      first: { from: x, to: x, tone: "completed", label: "read", seq: x },
    }) as const;
  const rows = stackedBars([bar(0, 50), bar(10, 20), bar(40, 20), bar(60, 5)], 3);
  expect(rows.map((row) => row.map(({ x }) => x))).toEqual([
    [0, 60],
    [10, 40],
  ]);
  expect(stackedBars([bar(0, 50), bar(1, 50), bar(2, 50)], 2).map((row) => row.length)).toEqual([1, 2]);
});
