import type { FactEvent } from "@hsafa/protocol";
import { expect, test } from "vitest";
import { alignedSteps, pairedCalls } from "./aligned-steps.ts";
import { type ComparedStep, comparedSteps } from "./compared-steps.ts";

const facts = (...list: readonly { readonly type: string; readonly data: object }[]): FactEvent[] =>
  list.map(
    ({ type, data }, index) =>
      ({
        id: `${index + 1}-0`,
        prev: `${index}-0`,
        runId: "r",
        ts: `2026-11-29T12:00:0${index}.000Z`,
        type,
        data,
      }) as unknown as FactEvent,
  );
const step = (tools: readonly string[], said = ""): ComparedStep => ({
  step: 1,
  seq: 1,
  said,
  text: "",
  reasoning: "",
  isReused: false,
  tookMs: null,
  calls: tools.map((toolName) => ({ callId: toolName, toolName, args: {}, outcome: null })),
});

test("a step has what was said before it, its words, and its calls with what came back", () => {
  const [only, ...more] = comparedSteps(
    facts(
      { type: "message.user", data: { message: { role: "user", content: "How many?" } } },
      { type: "step.started", data: { step: 1 } },
      {
        type: "step.completed",
        data: {
          step: 1,
          messages: [
            {
              role: "assistant",
              content: [
                { type: "reasoning", text: "hm" },
                { type: "text", text: "Wait." },
              ],
            },
          ],
        },
      },
      { type: "tool.requested", data: { callId: "c", toolName: "count", args: { of: "lemons" }, step: 1 } },
      { type: "tool.completed", data: { callId: "c", toolName: "count", result: 12 } },
    ),
  );
  expect(more).toEqual([]);
  expect(only).toMatchObject({ said: "How many?", text: "Wait.", reasoning: "hm", tookMs: 1000, isReused: false });
  expect(only?.calls).toEqual([
    { callId: "c", toolName: "count", args: { of: "lemons" }, outcome: { word: "completed", value: 12 } },
  ]);
});

test("one more step in a run does not shift those that follow", () => {
  const a = [step(["look"]), step(["read"]), step([])];
  const b = [step(["look"]), step(["ask"]), step(["read"]), step([])];
  expect(alignedSteps(a, b)).toEqual([
    { a: a[0], b: b[0] },
    { a: null, b: b[1] },
    { a: a[1], b: b[2] },
    { a: a[2], b: b[3] },
  ]);
});

test("a step that calls otherwise stands beside its like, and no step is lost", () => {
  const a = [step(["look"]), step([])];
  const b = [step(["ask"]), step([])];
  expect(alignedSteps(a, b)).toEqual([
    { a: a[0], b: b[0] },
    { a: a[1], b: b[1] },
  ]);
  expect(alignedSteps(a, [])).toEqual(a.map((one) => ({ a: one, b: null })));
  expect(alignedSteps([], [])).toEqual([]);
});

test("calls of one tool are paired in their order", () => {
  const [left, right] = [step(["look", "read", "look"]).calls, step(["read", "look"]).calls];
  expect(pairedCalls(left, right).map(({ a, b }) => [a?.toolName, b?.toolName])).toEqual([
    ["look", "look"],
    ["read", "read"],
    ["look", undefined],
  ]);
});
