import type { FactType } from "@hsafa/protocol";
import { describe, expect, test } from "vitest";
import { showsProgress } from "./shows-progress.ts";

const shown = (...types: FactType[]): boolean => showsProgress(types.map((type) => ({ type })));

describe("progress", () => {
  test("what a claim does by itself is no progress, or a run that kills its gateways would live for ever", () => {
    expect(shown("run.recovered", "run.resumed", "step.discarded", "tool.dispatched", "step.started")).toBe(false);
    expect(shown("run.started", "step.started")).toBe(false);
  });

  test("what comes from outside is no progress, or somebody who goes on talking to such a run would keep it alive", () => {
    expect(shown("message.user", "tool.approved")).toBe(false);
  });

  test("a commit without facts is no progress", () => {
    expect(shown()).toBe(false);
  });

  test.each([
    "step.completed",
    "tool.completed",
    "tool.failed",
    "tool.expired",
    "run.waiting",
    "run.retrying",
  ] as const)("a run that reaches %s got further, also when its gateway was lost on the way", (type) => {
    expect(shown("run.recovered", type, "step.started")).toBe(true);
  });
});
