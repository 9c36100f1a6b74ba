import { describe, expect, test } from "vitest";
import { begun, finished, given, NOW, newRun, proceed, result } from "../../test/support/given.ts";
import { projectCalls, projectRun } from "./projection.ts";

describe("a run's row", () => {
  test("a run's row shows the open step, so that the run can be given up without loading its events", () => {
    expect(projectRun(given(begun).state)).toMatchObject({ status: "running", openStep: 1, startedAt: NOW });
  });

  test("a run's row shows waiting_tool while calls are out, and the output at the end", () => {
    const parked = given(begun).when(finished(["a", "look"]), proceed);
    expect(projectRun(parked.state)).toMatchObject({ status: "waiting_tool", openStep: null, output: null });
    const ended = parked.when(result("a"), proceed, finished(), proceed);
    expect(projectRun(ended.state)).toMatchObject({ status: "completed", output: "said", steps: 2, completedAt: NOW });
  });
});

describe("a call's row", () => {
  test("a call's row says which devices may take it, under which attempt and until when", () => {
    const { state, facts } = given(begun, newRun({}, "tab-7")).when(finished(["a", "look"], ["t", "tab"]), proceed);
    expect(projectCalls(state, facts)).toMatchObject([
      {
        callId: "a",
        status: "dispatched",
        attempt: 1,
        deadline: NOW + 1000,
        recipient: { kind: "key", deviceKey: "laptop" },
      },
      { callId: "t", status: "dispatched", attempt: 1, recipient: { kind: "key", deviceKey: "tab-7" } },
    ]);
  });

  test("a call's row says who answered, and keeps when it was sent", () => {
    const run = given(begun).when(finished(["a", "look"]), proceed, result("a"));
    expect(projectCalls(run.state, run.facts)).toMatchObject([
      { status: "completed", result: "ok", source: "device", deviceId: "d-1", dispatchedAt: NOW, settledAt: NOW },
    ]);
  });

  test("a call's row is not changed by facts about other calls", () => {
    const run = given(begun).when(finished(["a", "look"]), proceed);
    expect(
      projectCalls(
        run.state,
        run.facts.filter((fact) => fact.type === "run.waiting"),
      ),
    ).toEqual([]);
  });
});
