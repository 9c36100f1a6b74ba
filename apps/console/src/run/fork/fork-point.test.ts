import type { FactEvent } from "@hsafa/protocol";
import { expect, test } from "vitest";
import { forkPointAt } from "./fork-point.ts";

const facts: FactEvent[] = [
  { type: "run.created", data: {} },
  { type: "message.user", data: { message: { role: "user", content: "How many?" } } },
  { type: "run.started", data: { epoch: 1 } },
  { type: "step.started", data: { step: 1 } },
  { type: "step.completed", data: { step: 1, messages: [] } },
  { type: "tool.requested", data: { callId: "a", toolName: "count", args: {}, step: 1 } },
  { type: "tool.requested", data: { callId: "b", toolName: "weigh", args: {}, step: 1 } },
  { type: "tool.completed", data: { callId: "b", toolName: "weigh", result: 3 } },
  { type: "tool.failed", data: { callId: "a", toolName: "count", error: { code: "x", message: "no" } } },
  { type: "step.started", data: { step: 2 } },
  { type: "step.completed", data: { step: 2, messages: [] } },
  { type: "run.completed", data: {} },
].map(
  (fact, index) =>
    ({
      ...fact,
      id: `${index + 1}-0`,
      prev: `${index}-0`,
      runId: "r",
      ts: "2026-11-29T12:00:00.000Z",
    }) as unknown as FactEvent,
);

test("at a message of the user other words may stand in its place", () => {
  expect(forkPointAt(facts, 2)).toEqual({
    seq: 2,
    said: { text: "How many?", hasFiles: false },
    mustSay: false,
    calls: [],
  });
});

test("what was committed with a step belongs to it, and what had no result there is not repeated", () => {
  const { calls, mustSay } = forkPointAt(facts, 5);
  expect(calls.map(({ callId, outcome, isOfLastStep }) => [callId, outcome, isOfLastStep])).toEqual([
    ["a", null, true],
    ["b", null, true],
  ]);
  expect(mustSay).toBe(false);
  expect(forkPointAt(facts, 8).calls.map(({ outcome }) => outcome)).toEqual([null, { failed: false, value: 3 }]);
});

test("within a step that was not over, the fork begins before it", () => {
  const { seq, calls } = forkPointAt(facts, 10);
  expect(seq).toBe(9);
  expect(calls.map(({ outcome }) => outcome)).toEqual([
    { failed: true, value: "no" },
    { failed: false, value: 3 },
  ]);
});

test("after the last word something must be said, and calls of earlier steps are executed no more", () => {
  for (const seq of [11, 12]) {
    const { mustSay, calls } = forkPointAt(facts, seq);
    expect(mustSay).toBe(true);
    expect(calls.map(({ isOfLastStep }) => isOfLastStep)).toEqual([false, false]);
  }
  expect(forkPointAt(facts, 1).mustSay).toBe(true);
});

test("a fork of a fork knows what was reused before, and what was not", () => {
  const call = (toolCallId: string) => ({
    type: "tool-call",
    toolCallId,
    toolName: "count",
    input: { of: toolCallId },
  });
  const reused = [
    { type: "run.created", data: {} },
    {
      type: "step.reused",
      data: { step: 1, from: "5-0", messages: [{ role: "assistant", content: [call("a"), call("b")] }] },
    },
    { type: "tool.reused", data: { callId: "a", toolName: "count", result: 7 } },
    { type: "tool.reused", data: { callId: "b", toolName: "count", error: { code: "not_repeated", message: "" } } },
  ].map((fact, index) => ({ ...facts[0], ...fact, id: `${index + 1}-0` }) as unknown as FactEvent);
  const { calls } = forkPointAt(reused, 4);
  expect(calls.map(({ callId, args, outcome }) => [callId, args, outcome])).toEqual([
    ["a", { of: "a" }, { failed: false, value: 7 }],
    ["b", { of: "b" }, null],
  ]);
});
