import { expect, test } from "vitest";
import { begun, given, newRun, proceed } from "../../test/support/given.ts";
import type { RunInput } from "./input.ts";
import { conversationOf } from "./transcript.ts";

const searched = { toolCallId: "c1", toolName: "web_search" };
const paused: RunInput = {
  kind: "step_finished",
  finishReason: "stop",
  messages: [
    {
      role: "assistant",
      content: [
        { type: "tool-call", input: {}, providerExecuted: true, ...searched },
        { type: "tool-result", output: { type: "json", value: [] }, ...searched },
      ],
    },
  ],
  usage: {},
  calls: [],
  sources: [{ type: "url", url: "https://example.com/" }],
  paused: true,
};

test("a turn that its provider has paused goes on in the next step, and nobody is asked for its calls", () => {
  const goesOn = given(begun).when(paused, proceed);
  expect(goesOn.facts).toEqual([{ type: "step.started", data: { step: 2 } }]);
  expect(goesOn.state.run.calls.size).toBe(0);
  expect(conversationOf(goesOn.state.run.transcript, []).at(-1)).toMatchObject({ role: "assistant" });
});

test("what the provider found stands in the fact of its step", () => {
  const { facts } = given(begun).when(paused);
  expect(facts).toMatchObject([{ type: "step.completed", data: { paused: true, sources: [{ type: "url" }] } }]);
});

test("a provider that pauses for ever ends with the steps of the run", () => {
  const end = given(begun, newRun({ maxSteps: 1 })).when(paused, proceed);
  expect(end.facts).toMatchObject([{ type: "run.failed", data: { error: { code: "max_steps_reached" } } }]);
});
