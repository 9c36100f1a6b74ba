import type { Fact } from "@hsafa/protocol";
import { describe, expect, test } from "vitest";
import { asked, begun, created, finished, given, proceed, result } from "../../test/support/given.ts";
import type { RunInput } from "./input.ts";

const refusal: RunInput = {
  kind: "step_failed",
  failure: { kind: "bad_request", message: "Could not process image", retryAfterMs: null, refusesConversation: true },
  jitter: 0,
};
const otherFailure: RunInput = {
  kind: "step_failed",
  failure: { kind: "bad_request", message: "max_tokens is too large", retryAfterMs: null },
  jitter: 0,
};
const withHistory: Fact[] = [
  created,
  asked("hi"),
  { type: "run.started", data: { epoch: 1, historyRunIds: ["earlier"] } },
  { type: "step.started", data: { step: 1 } },
];

describe("who is at fault when a provider refuses a conversation", () => {
  test("the input of a run without earlier runs is named as refused", () => {
    const { facts } = given(begun).when(refusal);
    expect(facts).toMatchObject([
      { type: "step.discarded", data: { reason: "error" } },
      { type: "run.failed", data: { error: { code: "model_bad_request", data: { refused: ["2-0"] } } } },
    ]);
  });

  test("earlier runs are shown as text, then not at all, before the run's own input is blamed", () => {
    const first = given(withHistory).when(refusal);
    expect(first.facts).toMatchObject([{ type: "step.discarded", data: { reason: "refused", history: "text" } }]);
    const second = first.when(proceed);
    expect(second.facts).toEqual([{ type: "step.started", data: { step: 1, history: "text" } }]);
    const third = second.when(refusal, proceed);
    expect(third.facts).toEqual([{ type: "step.started", data: { step: 1, history: "none" } }]);
    expect(third.when(refusal).facts.at(-1)).toMatchObject({ data: { error: { data: { refused: ["2-0"] } } } });
  });

  test("after an accepted request only what came since is at fault: the step, its results, a new message", () => {
    const acting = given(withHistory).when(
      finished(["a", "look"]),
      proceed,
      { kind: "message", message: { role: "user", content: "and this?" } },
      result("a"),
      proceed,
    );
    const { facts } = acting.when(refusal);
    const { transcript } = acting.state.run;
    const expected = transcript.slice(1).map(({ seq }) => `${seq}-0`);
    expect(transcript.map(({ kind }) => kind)).toEqual(["message", "step", "message"]);
    expect(facts.at(-1)).toMatchObject({ data: { error: { data: { refused: expected } } } });
  });

  test("a refused setting names no message and asks for no less", () => {
    const { facts } = given(withHistory).when(otherFailure);
    expect(facts.at(-1)).toMatchObject({ type: "run.failed", data: { error: { code: "model_bad_request" } } });
    expect(facts.at(-1)).not.toHaveProperty("data.error.data");
  });
});
