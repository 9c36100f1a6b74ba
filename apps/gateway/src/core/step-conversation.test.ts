import type { AgentConfigInput, Fact, Message } from "@hsafa/protocol";
import { describe, expect, test } from "vitest";
import { asked, created, fold, newRun, started } from "../../test/support/given.ts";
import { stepConversation, summaryConversation } from "./step-conversation.ts";
import type { ThreadRun } from "./thread-summary.ts";

type History = NonNullable<AgentConfigInput["history"]>;

const LONG = "x".repeat(400);
const run = (history: History, facts: readonly Fact[] = []) =>
  fold([created, asked("now"), started, ...facts], newRun({ history })).run;
const earlier = (count: number, facts: (index: number) => readonly Fact[] = () => []): ThreadRun[] =>
  Array.from({ length: count }, (_, index) => ({
    runId: `run-${index}`,
    facts: facts(index),
    messages: [
      { role: "user", content: `asked ${index} ${LONG}` },
      { role: "assistant", content: `said ${index} ${LONG}` },
    ],
  }));
const summarized = (text: string, throughRunId: string): Fact => ({
  type: "step.completed",
  data: { step: 1, finishReason: "stop", messages: [], usage: {}, summary: { text, throughRunId } },
});
const refused = (contextTokensMax: number): Fact => ({
  type: "step.discarded",
  data: { step: 1, reason: "error", contextTokensMax },
});
const completed = (inputTokens: number, estimatedInputTokens: number): Fact => ({
  type: "step.completed",
  data: { step: 1, finishReason: "stop", messages: [], usage: { inputTokens }, estimatedInputTokens },
});
function shown(history: History, runs: readonly ThreadRun[], facts: readonly Fact[] = []) {
  const conversation = stepConversation(run(history, facts), runs);
  if (conversation.kind !== "show") throw new Error(conversation.kind);
  return conversation;
}
const textOf = (message: Message | undefined) => (typeof message?.content === "string" ? message.content : "");
const firstWords = (messages: readonly Message[]) => messages.map((message) => textOf(message).slice(0, 7).trim());

describe("a thread that is too long", () => {
  test("without a bound everything is shown, and nothing is said to be left out", () => {
    const { messages, leftOut } = shown({}, earlier(3));
    expect([messages.length, leftOut]).toEqual([7, []]);
  });

  test("the oldest exchanges go first, and the run says how many", () => {
    const { messages, leftOut, sent } = shown({ maxTokens: 500 }, earlier(5));
    expect(firstWords(messages)).toEqual(["asked 3", "said 3", "asked 4", "said 4", "now"]);
    expect(leftOut).toEqual([{ reason: "too_long", what: "the 6 oldest of 10 earlier messages of the thread" }]);
    expect(sent.tokens).toBeLessThanOrEqual(500);
  });

  test("maxRuns counts whole runs, and 0 shows none", () => {
    expect(shown({ maxRuns: 2 }, earlier(5)).messages).toHaveLength(5);
    const none = shown({ maxRuns: 0 }, earlier(5));
    expect([none.messages.length, none.leftOut]).toEqual([
      1,
      [{ reason: "too_long", what: "the 5 oldest runs of the thread" }],
    ]);
  });

  test("older runs that were not read are said to be left out, and are too much for `fail`", () => {
    const unread = stepConversation(run({}), earlier(2), 3);
    const leftOut = [{ reason: "too_long", what: "the 3 oldest runs of the thread" }];
    expect(unread).toMatchObject({ kind: "show", leftOut });
    expect(stepConversation(run({ overflow: "fail" }), earlier(2), 3)).toMatchObject({
      kind: "refuse",
      message: expect.stringContaining("more than") as string,
    });
    const summary = (index: number): readonly Fact[] => (index === 1 ? [summarized("all", "run-0")] : []);
    const summarizing = stepConversation(run({ overflow: "summarize" }), earlier(2, summary), 3);
    expect(summarizing).toMatchObject({ kind: "show", leftOut: [] });
  });

  test("`fail` ends the run with the size and the cure", () => {
    expect(stepConversation(run({ maxTokens: 500, overflow: "fail" }), earlier(5))).toMatchObject({
      kind: "refuse",
      message: expect.stringContaining("500 are allowed. Begin a new thread") as string,
      sent: { isLeast: true },
    });
    expect(stepConversation(run({ maxRuns: 2, overflow: "fail" }), earlier(3)).kind).toBe("refuse");
    expect(stepConversation(run({ maxTokens: 5000, overflow: "fail" }), earlier(5)).kind).toBe("show");
  });
});

describe("what a provider has shown", () => {
  test("a size that it refused bounds this run, and later runs of the same version", () => {
    expect(shown({}, earlier(5), [refused(500)]).messages).toHaveLength(5);
    expect(
      shown(
        {},
        earlier(5, (index) => (index === 2 ? [created, refused(500)] : [])),
      ).messages,
    ).toHaveLength(5);
    const other: Fact = { ...created, data: { ...created.data, versionId: "other" } } as Fact;
    expect(
      shown(
        {},
        earlier(5, (index) => (index === 2 ? [other, refused(500)] : [])),
      ).messages,
    ).toHaveLength(11);
  });

  test("the try that shows the run alone teaches later runs nothing", () => {
    expect(shown({}, earlier(5), [refused(1)]).messages).toHaveLength(1);
    expect(
      shown(
        {},
        earlier(5, () => [created, refused(1)]),
      ).messages,
    ).toHaveLength(11);
  });

  test("what it counts corrects the estimate upwards, and never makes more room", () => {
    expect(shown({ maxTokens: 1000 }, earlier(5), [completed(200, 100)]).messages).toHaveLength(5);
    expect(shown({ maxTokens: 500 }, earlier(5), [completed(1, 100)]).messages).toHaveLength(5);
  });
});

describe("a thread that is summarised", () => {
  const history: History = { maxTokens: 500, overflow: "summarize" };

  test("the older runs are summarised first, and then the summary stands for them", () => {
    expect(stepConversation(run(history), earlier(5))).toEqual({ kind: "summarize", throughRunId: "run-3" });
    const { messages, leftOut } = shown(history, earlier(5), [summarized("all of it", "run-3")]);
    expect(firstWords(messages)).toEqual(["(A summ", "asked 4", "said 4", "now"]);
    expect(leftOut).toEqual([]);
  });

  test("a later run finds the summary and makes none anew, and the next summary begins with it", () => {
    const summary = (index: number): readonly Fact[] => (index === 4 ? [summarized("all of it", "run-3")] : []);
    expect(firstWords(shown(history, earlier(5, summary)).messages)).toEqual(["(A summ", "asked 4", "said 4", "now"]);
    const more = earlier(8, summary);
    expect(stepConversation(run(history), more)).toEqual({ kind: "summarize", throughRunId: "run-6" });
    const [request] = summaryConversation(run(history), more, "run-5");
    expect(textOf(request)).toMatch(/^Summary of what came before:\nall of it\n\nuser: asked 4/);
    expect(textOf(request)).not.toContain("asked 6");
  });

  test("a summary that failed is not tried again in this run, and the run says so", () => {
    const failed: Fact = {
      type: "step.discarded",
      data: { step: 1, reason: "error", error: { code: "model_other", message: "no credit" } },
    };
    const begun: Fact = { type: "step.started", data: { step: 1, summarizesThrough: "run-3" } };
    const { messages, leftOut } = shown(history, earlier(5), [begun, failed]);
    expect(messages).toHaveLength(5);
    expect(leftOut.at(-1)).toEqual({ reason: "too_long", what: "a summary of them, which failed: no credit" });
  });
});
