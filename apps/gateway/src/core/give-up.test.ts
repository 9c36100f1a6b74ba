import type { Fact } from "@hsafa/protocol";
import { expect, test } from "vitest";
import { begun, finished, fold, given, NOW, proceed } from "../../test/support/given.ts";
import { giveUp, recoveryExhausted } from "./give-up.ts";
import { projectCalls, projectRun } from "./projection.ts";
import type { RunState } from "./run-state.ts";

const open = {
  "a step is open": given(begun),
  "calls are out": given(begun).when(finished(["a", "look"], ["b", "ask"]), proceed),
  "a call waits for an approval": given(begun).when(finished(["a", "pay"]), proceed),
};

test.each(Object.entries(open))(
  "a run that is given up while %s gets the rows that folding its last facts gives: no row differs from the log",
  (_name, { state }) => {
    const openCalls = projectCalls(state, callFacts(state));
    const end = giveUp({
      run: projectRun(state),
      openCalls,
      error: recoveryExhausted({ recoveries: 4, stalls: 0 }),
      now: NOW + 5,
    });
    const ended = fold(end.facts, state, NOW + 5);
    expect(ended.phase).toBe("ended");
    expect(end.run).toEqual(projectRun(ended));
    expect(end.calls).toEqual(projectCalls(ended, end.facts));
  },
);

test("a run that is given up says why, and what its open step and calls came to", () => {
  const { state } = open["calls are out"];
  const end = giveUp({
    run: projectRun(state),
    openCalls: projectCalls(state, callFacts(state)),
    error: recoveryExhausted({ recoveries: 4, stalls: 0 }),
    now: NOW,
  });
  expect(end.facts).toMatchObject([
    { type: "tool.failed", data: { callId: "a", error: { code: "canceled" } } },
    { type: "tool.failed", data: { callId: "b", error: { code: "canceled" } } },
    { type: "run.failed", data: { error: { code: "recovery_exhausted" }, usage: { inputTokens: 1 } } },
  ]);
  const { state: stepping } = open["a step is open"];
  const [first] = giveUp({
    run: projectRun(stepping),
    openCalls: [],
    error: recoveryExhausted({ recoveries: 4, stalls: 0 }),
    now: NOW,
  }).facts;
  expect(first).toEqual({ type: "step.discarded", data: { step: 1, reason: "crash" } });
});

/** Facts that name every call of the run, so that all are projected. */
function callFacts(state: RunState): Fact[] {
  return [...state.run.calls.keys()].map((callId) => ({ type: "tool.approved", data: { callId, by: "test" } }));
}
