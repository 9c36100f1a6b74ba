/** What `decide` makes of calls: what settles them, what is sent again, and what never is. */
import { describe, expect, test } from "vitest";
import { begun, config, finished, given, newRun, NOW, proceed, result } from "../../test/support/given.ts";
import { effectsOf } from "./effects.ts";
import type { RunInput } from "./input.ts";
import { SERVER_TOOL_ATTEMPTS_MAX } from "./limits.ts";

const lost = (callId: string, attempt: number): RunInput => ({ kind: "dispatch_lost", callId, attempt });

describe("an answer that was lost", () => {
  const answerLost = (callId: string, attempt: number): RunInput => ({
    kind: "server_tool_finished",
    callId,
    attempt,
    outcome: { kind: "unknown", reason: "The answer to POST /pay was lost: it broke off" },
  });

  test("a server call whose answer was lost has an unknown outcome, and is not performed again", () => {
    const { facts } = given(begun).when(finished(["a", "fetch"]), proceed, answerLost("a", 1));
    const told = "The answer to POST /pay was lost: it broke off. The call may or may not have taken effect.";
    expect(facts).toEqual([
      {
        type: "tool.failed",
        data: { callId: "a", toolName: "fetch", error: { code: "outcome_unknown", message: told } },
      },
    ]);
  });

  test("a repeatable one is performed again within its first deadline, a bounded number of times", () => {
    let run = given(begun).when(finished(["a", "refetch"]), proceed);
    const deadline = new Date(NOW + 1000).toISOString();
    for (let attempt = 1; attempt < SERVER_TOOL_ATTEMPTS_MAX; attempt += 1) {
      run = run.at(NOW + attempt).when(answerLost("a", attempt));
      expect(run.facts).toEqual([{ type: "tool.dispatched", data: { callId: "a", attempt: attempt + 1, deadline } }]);
      expect(effectsOf(run.state)).toMatchObject([{ kind: "perform_tool", attempt: attempt + 1 }]);
    }
    expect(run.when(answerLost("a", 1)).facts).toEqual([]);
    expect(run.when(answerLost("a", SERVER_TOOL_ATTEMPTS_MAX)).facts).toMatchObject([
      { type: "tool.failed", data: { error: { code: "outcome_unknown" } } },
    ]);
  });

  test("a server call that is overdue has an unknown outcome, unless repeating it is harmless", () => {
    const late = (tool: string) =>
      given(begun)
        .when(finished(["a", tool]), proceed)
        .at(NOW + 1000)
        .when(proceed);
    expect(late("fetch").facts[0]).toMatchObject({ type: "tool.failed", data: { error: { code: "outcome_unknown" } } });
    expect(late("refetch").facts[0]).toMatchObject({ type: "tool.expired" });
  });
});

describe("a call settles once (R7)", () => {
  const parked = given(begun).when(finished(["a", "look"]), proceed);

  test("a call settles by its first result, and a second one decides nothing", () => {
    expect(parked.when(result("a", "first"), result("a", "second")).facts).toEqual([]);
  });

  test("a call settles at its deadline, and the model is told", () => {
    const late = parked.at(NOW + 1000).when(proceed);
    expect(late.types).toEqual(["tool.expired", "run.resumed", "step.started"]);
    expect(late.when(finished(), result("a")).facts).toEqual([]);
  });

  test("a call's deadline fails the run where the tool says so", () => {
    const run = given(begun).when(finished(["a", "must"], ["b", "ask"]), proceed);
    const late = run.at(NOW + 1000).when(proceed);
    expect(late.types).toEqual(["tool.expired", "tool.failed", "run.failed"]);
    expect(late.facts.at(-1)).toMatchObject({ data: { error: { code: "tool_timeout" } } });
  });

  test("a call settles as unknown at its deadline when the device that had it is gone", () => {
    const gone = { ...proceed, dispatches: { a: { sent: true, connected: false } } } as RunInput;
    expect(parked.at(NOW + 1000).when(gone).facts[0]).toMatchObject({ data: { error: { code: "outcome_unknown" } } });
  });

  test.each([
    { tool: "look", dispatch: { sent: false, connected: false }, is: "not_executed" },
    { tool: "look", dispatch: { sent: true, connected: true }, is: "outcome_unknown" },
    { tool: "look_again", dispatch: { sent: false, connected: false }, is: "not_executed" },
    { tool: "look_again", dispatch: { sent: true, connected: false }, is: "outcome_unknown" },
    // What the store knows of it was not read.
    { tool: "look", dispatch: undefined, is: "outcome_unknown" },
    { tool: "ask_soon", dispatch: undefined, is: "outcome_unknown" },
    { tool: "refetch", dispatch: undefined, is: "outcome_unknown" },
  ])("an overdue call of $tool with $dispatch expires as $is", ({ tool, dispatch, is }) => {
    const askSoon = { name: "ask_soon", inputSchema: {}, target: "external", timeoutMs: 1000 } as const;
    const run = newRun({ tools: [...config().tools, askSoon] });
    const late = given(begun, run)
      .when(finished(["a", tool]), proceed)
      .at(NOW + 60_000);
    const dispatches = dispatch === undefined ? {} : { a: dispatch };
    const told = late.when({ ...proceed, dispatches } as RunInput).facts[0];
    expect(told).toMatchObject({ type: "tool.expired", data: { error: { code: is } } });
  });

  test("a second attempt that was never sent is no proof that the first was not executed", () => {
    const again = given(begun).when(finished(["a", "look_again"]), proceed, lost("a", 1));
    const unsent = { ...proceed, dispatches: { a: { sent: false, connected: false } } } as RunInput;
    const late = again.at(NOW + 60_000).when(unsent).facts[0];
    expect(late).toMatchObject({ type: "tool.expired", data: { error: { code: "outcome_unknown" } } });
  });

  test("a call that nobody approved in time was not executed", () => {
    const late = given(begun)
      .when(finished(["p", "pay"]), proceed)
      .at(NOW + 24 * 3600 * 1000)
      .when(proceed).facts[0];
    expect(late).toMatchObject({ type: "tool.expired", data: { error: { code: "not_executed" } } });
  });

  test("a result that a client sends for a server's call does not settle it", () => {
    const run = given(begun).when(finished(["b", "fetch"]), proceed);
    expect(run.when(result("b")).facts).toEqual([]);
  });
});

describe("a device loses a call", () => {
  test("a lost call that is not repeatable ends as unknown and is never sent again", () => {
    const run = given(begun).when(finished(["a", "look"]), proceed, lost("a", 1));
    expect(run.facts).toMatchObject([{ type: "tool.failed", data: { error: { code: "outcome_unknown" } } }]);
  });

  test("a lost call that is repeatable goes out again under the next attempt, by the same deadline", () => {
    const run = given(begun).when(finished(["a", "look_again"]), proceed);
    const again = run.at(NOW + 500).when(lost("a", 1));
    expect(again.facts).toMatchObject([
      { type: "tool.dispatched", data: { attempt: 2, deadline: new Date(NOW + 60_000).toISOString() } },
    ]);
    expect(again.when(lost("a", 1)).facts).toEqual([]);
  });
});

describe("an approval", () => {
  const asking = given(begun).when(finished(["p", "pay"]), proceed);

  test("a call that needs approval is not sent before it is approved", () => {
    expect(asking.types).toEqual(["tool.awaiting_approval", "run.waiting"]);
  });

  test("an approved call goes out, and its time runs from the approval", () => {
    const approval: RunInput = { kind: "approval", callId: "p", approved: true, reason: null, by: "ann" };
    const run = asking.at(NOW + 5000).when(approval, proceed);
    expect(run.facts).toMatchObject([
      { type: "tool.dispatched", data: { deadline: new Date(NOW + 65_000).toISOString() } },
    ]);
  });

  test("a denied approval is told to the model", () => {
    const denial: RunInput = { kind: "approval", callId: "p", approved: false, reason: "too dear", by: "ann" };
    expect(asking.when(denial, proceed).types).toEqual(["run.resumed", "step.started"]);
  });

  test("an approval that nobody gives does not lock the conversation for good", () => {
    expect(asking.at(NOW + 24 * 3600 * 1000).when(proceed).types).toEqual([
      "tool.expired",
      "run.resumed",
      "step.started",
    ]);
  });

  test("the approval of a server's call resumes the run before the call begins", () => {
    const tools = [
      { name: "wire", inputSchema: {}, server: { type: "function" as const }, approval: "always" as const },
    ];
    const run = given(begun, newRun({ tools })).when(finished(["w", "wire"]), proceed);
    const approval: RunInput = { kind: "approval", callId: "w", approved: true, reason: null, by: "ann" };
    const approved = run.when(approval, proceed);
    expect(approved.types).toEqual(["run.resumed", "tool.dispatched"]);
    expect(effectsOf(approved.state)).toHaveLength(1);
  });
});

describe("a browser's tool without an origin", () => {
  test("a browser's tool without an origin fails at once instead of driving somebody else's tab", () => {
    const run = given(begun).when(finished(["t", "tab"]), proceed);
    expect(run.facts[0]).toMatchObject({ type: "tool.failed", data: { error: { code: "no_device" } } });
  });

  test("a browser's tool with an origin goes to the tab that started the run", () => {
    const run = given(begun, newRun({}, "tab-7")).when(finished(["t", "tab"]), proceed);
    expect(run.types).toEqual(["tool.dispatched", "run.waiting"]);
  });
});
