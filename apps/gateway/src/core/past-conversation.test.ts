import type { Fact } from "@hsafa/protocol";
import { describe, expect, test } from "vitest";
import { asked, created, started } from "../../test/support/given.ts";
import { type PastRun, pastConversation } from "./past-conversation.ts";

const picture = { type: "image", image: "AAAA" } as const;
const shown: Fact = {
  type: "message.user",
  data: { message: { role: "user", content: [{ type: "text", text: "see" }, picture] } },
};
const said = (text: string): Fact => ({
  type: "step.completed",
  data: { step: 1, finishReason: "stop", messages: [{ role: "assistant", content: text }], usage: {} },
});
const failed = (refused: string[]): Fact => ({
  type: "run.failed",
  data: { error: { code: "model_bad_request", message: "no", data: { refused } }, usage: {} },
});
const run = (runId: string, ...facts: Fact[]): PastRun => ({ runId, facts: [created, ...facts] });
const full = { form: "full", versionId: "v" } as const;

describe("what a run shows of the earlier runs", () => {
  test("a refused message is left out, a note stands for it, and the facts will say so", () => {
    const runs = [run("r1", asked("hi"), said("hello")), run("r2", shown, asked("see?"), failed(["2-0", "3-0"]))];
    const { messages, leftOut } = pastConversation(runs, full);
    expect(messages).toEqual([
      { role: "user", content: "hi" },
      { role: "assistant", content: "hello" },
      { role: "user", content: expect.stringContaining("refused") as string },
    ]);
    expect(leftOut).toEqual([
      { reason: "refused", what: "a message", runId: "r2", position: "2-0" },
      { reason: "refused", what: "a message", runId: "r2", position: "3-0" },
    ]);
  });

  test("a refused step goes with its calls and results, and what was accepted before it stays", () => {
    const call = { type: "tool-call", toolCallId: "c", toolName: "look", input: {} } as const;
    const step: Fact = {
      type: "step.completed",
      data: { step: 1, finishReason: "tool-calls", messages: [{ role: "assistant", content: [call] }], usage: {} },
    };
    const requested: Fact = {
      type: "tool.requested",
      data: { callId: "c", toolName: "look", args: {}, target: "device", step: 1 },
    };
    const { messages } = pastConversation([run("r1", asked("look!"), step, requested, failed(["3-0"]))], full);
    expect(messages.map(({ role }) => role)).toEqual(["user", "user"]);
    expect(messages[0]?.content).toBe("look!");
  });

  test("as text, earlier runs have their words, and a picture only by a note", () => {
    const { messages, leftOut } = pastConversation([run("r1", shown, said("nice"))], { ...full, form: "text" });
    expect(messages).toEqual([
      { role: "user", content: "see\n\n[A picture is left out here.]" },
      { role: "assistant", content: "nice" },
    ]);
    expect(leftOut).toMatchObject([{ runId: "r1", what: "everything but the text of the run" }]);
  });

  test("a form in which a version was accepted is kept by its later runs, and not by other versions", () => {
    const learnt: Fact = { type: "step.started", data: { step: 1, history: "text" } };
    const second = { ...started, data: { epoch: 1, historyRunIds: ["r1"] } } as Fact;
    const runs = [run("r1", shown, said("nice")), run("r2", asked("and?"), second, learnt, said("more"))];
    expect(pastConversation(runs, full).messages[0]?.content).toContain("[A picture is left out here.]");
    expect(pastConversation(runs, { ...full, versionId: "other" }).messages[0]?.content).toHaveLength(2);
  });

  test("a form that was tried and refused is not kept", () => {
    const learnt: Fact = { type: "step.started", data: { step: 1, history: "none" } };
    const second = { ...started, data: { epoch: 1, historyRunIds: ["r1"] } } as Fact;
    const runs = [run("r1", asked("hi")), run("r2", asked("bad"), second, learnt, failed(["2-0"]))];
    expect(pastConversation(runs, full).messages[0]?.content).toBe("hi");
  });

  test("a fork that was given up before it began leaves no call unanswered", () => {
    const call = (toolCallId: string) => ({ type: "tool-call", toolCallId, toolName: "look", input: {} }) as const;
    const reused: Fact[] = [
      {
        type: "step.reused",
        data: {
          step: 1,
          from: "5-0",
          messages: [{ role: "assistant", content: [call("a"), call("b2")] }],
          reruns: [{ callId: "b2", of: "b", toolName: "look", args: {} }],
        },
      },
      { type: "tool.reused", data: { callId: "a", toolName: "look", result: "seen" } },
    ];
    const ends: Fact[] = [failed([]), { type: "run.canceled", data: { reason: null, usage: {} } }];
    for (const end of ends) {
      const { messages } = pastConversation([run("fork", asked("look!"), ...reused, asked("and?"), end)], full);
      expect(messages.map(({ role }) => role)).toEqual(["user", "assistant", "tool", "user"]);
      const answers = messages[2]?.role === "tool" ? messages[2].content : [];
      expect(new Map(answers.map(({ toolCallId, output }) => [toolCallId, output.value]))).toEqual(
        new Map([
          ["a", "seen"],
          ["b2", expect.stringMatching(/^canceled: .*It was not executed/) as string],
        ]),
      );
    }
  });
});
