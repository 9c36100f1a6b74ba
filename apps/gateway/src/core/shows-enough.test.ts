import type { AgentConfigInput, Fact } from "@hsafa/protocol";
import { describe, expect, test } from "vitest";
import { asked, created, fold, newRun, started } from "../../test/support/given.ts";
import type { PastRun } from "./past-conversation.ts";
import { showsEnough } from "./shows-enough.ts";

type History = NonNullable<AgentConfigInput["history"]>;

const run = (history: History) => fold([created, asked("now"), started], newRun({ history })).run;
const read = (count: number, facts: (index: number) => readonly Fact[] = () => []): PastRun[] =>
  Array.from({ length: count }, (_, index) => ({
    runId: `run-${index}`,
    facts: [created, asked("x".repeat(400)), started, ...facts(index)],
  }));

describe("what of a thread is read", () => {
  test("all of it, if nothing bounds what is shown", () => {
    expect(showsEnough(run({}), read(50))).toBe(false);
  });

  test("no more runs than are shown, and none if none are", () => {
    expect([0, 1, 2].map((count) => showsEnough(run({ maxRuns: 2 }), read(count)))).toEqual([false, false, true]);
    expect(showsEnough(run({ maxRuns: 0 }), [])).toBe(true);
  });

  test("no more than its tokens allow: it ends with the run that is too much", () => {
    const counts = [0, 1, 2, 3].map((count) => showsEnough(run({ maxTokens: 250 }), read(count)));
    expect(counts).toEqual([false, false, false, true]);
  });

  test("a summary ends it at the run up to which it reaches, and without one everything is to be summarised", () => {
    const history: History = { maxTokens: 100, overflow: "summarize" };
    const summarized = (throughRunId: string): Fact => ({
      type: "step.completed",
      data: { step: 1, finishReason: "stop", messages: [], usage: {}, summary: { text: "all", throughRunId } },
    });
    expect(showsEnough(run(history), read(9))).toBe(false);
    const found = (through: string) => (index: number) => (index === 2 ? [summarized(through)] : []);
    expect(showsEnough(run(history), read(3, found("run-0")))).toBe(true);
    expect(showsEnough(run(history), read(3, found("older")))).toBe(false);
  });
});
