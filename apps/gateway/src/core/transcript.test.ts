import type { Fact } from "@hsafa/protocol";
import { describe, expect, test } from "vitest";
import { asked, begun, created, finished, given, proceed, result } from "../../test/support/given.ts";
import { conversationOf, threadEntriesOf, transcriptOf } from "./transcript.ts";

const threadMessagesOf = (facts: readonly Fact[]) => transcriptOf(facts).flatMap(threadEntriesOf);

const said = (text: string): Fact => ({
  type: "step.completed",
  data: { step: 1, finishReason: "stop", messages: [{ role: "assistant", content: text }], usage: {} },
});
const requested: Fact = {
  type: "tool.requested",
  data: { callId: "c", toolName: "look", args: {}, target: "device", step: 1 },
};

describe("what the model is shown", () => {
  test("the model is shown the thread first, then the run's own messages", () => {
    const { state } = given(begun);
    expect(conversationOf(state.run.transcript, [{ role: "assistant", content: "before" }])).toEqual([
      { role: "assistant", content: "before" },
      { role: "user", content: "hi" },
    ]);
  });

  test("the model is shown every call's result in one tool message directly after the calls", () => {
    const { state } = given(begun).when(
      finished(["a", "look"], ["b", "ask"]),
      proceed,
      result("b", "two"),
      { kind: "message", message: { role: "user", content: "hurry" } },
      result("a", "one"),
      proceed,
    );
    const conversation = conversationOf(state.run.transcript, []);
    expect(conversation.map((message) => message.role)).toEqual(["user", "assistant", "tool", "user"]);
    expect(conversation[2]).toEqual({
      role: "tool",
      content: [
        { type: "tool-result", toolCallId: "a", toolName: "look", output: { type: "text", value: "one" } },
        { type: "tool-result", toolCallId: "b", toolName: "ask", output: { type: "text", value: "two" } },
      ],
    });
  });
});

describe("what a run leaves in its thread", () => {
  test("a run leaves in its thread the earlier turns, what was asked and what was said", () => {
    const earlier: Fact = {
      ...created,
      data: { ...created.data, earlier: [{ role: "user", content: "old" }] },
    } as Fact;
    expect(threadMessagesOf([earlier, asked("hi"), said("hello")]).map(({ message }) => message.content)).toEqual([
      "old",
      "hi",
      "hello",
    ]);
  });

  test("a thread keeps text that a cancel cut short, marked as partial", () => {
    const cut: Fact = { type: "step.discarded", data: { step: 1, reason: "cancel", partial: "half a" } };
    expect(threadMessagesOf([created, asked("hi"), cut]).at(-1)).toEqual({
      seq: 3,
      message: { role: "assistant", content: "half a" },
      partial: true,
    });
  });

  test("a thread drops a step that a crash cut short, since it was made again", () => {
    const cut: Fact = { type: "step.discarded", data: { step: 1, reason: "crash" } };
    expect(threadMessagesOf([created, asked("hi"), cut, said("hello")])).toHaveLength(2);
  });

  test.each([
    [{ type: "tool.failed", data: { callId: "c", toolName: "look", error: { code: "x", message: "y" } } }, "x: y"],
    [{ type: "tool.expired", data: { callId: "c", toolName: "look", error: { code: "x", message: "y" } } }, "x: y"],
    [
      // As earlier versions wrote it.
      { type: "tool.expired", data: { callId: "c", toolName: "look" } },
      "outcome_unknown: The call expired: the tool did not answer in time. The call may or may not have taken effect.",
    ],
    [{ type: "tool.denied", data: { callId: "c", toolName: "look", reason: "too dear" } }, "denied: too dear"],
  ] as [Fact, string][])("a call that ended without a result is shown with the reason", (fact, text) => {
    expect(threadMessagesOf([created, asked("hi"), said(""), requested, fact]).at(-1)?.message).toMatchObject({
      content: [{ output: { type: "error-text", value: text } }],
    });
  });
});
