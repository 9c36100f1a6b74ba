import { describe, expect, it } from "vitest";
import {
  asked,
  begun,
  claimed,
  created,
  finished,
  given,
  NOW,
  newRun,
  proceed,
  result,
  started,
} from "../../test/support/given.ts";
import { effectsOf } from "./effects.ts";
import type { RunInput } from "./input.ts";

const message: RunInput = { kind: "message", message: { role: "user", content: "and?" } };
const cancel: RunInput = { kind: "cancel", reason: "enough", partial: "half a sen" };
const failure = (kind: "rate_limited" | "unauthorized", retryAfterMs: number | null = null): RunInput => ({
  kind: "step_failed",
  failure: { kind, message: "no", retryAfterMs },
  jitter: 0.5,
});
const lost = (callId: string, attempt: number): RunInput => ({ kind: "dispatch_lost", callId, attempt });

describe("a run begins", () => {
  it("with the first claim, which fixes what it sees of its thread", () => {
    const { facts } = given([created, asked("hi")]).when({
      ...claimed(false, 1),
      historyRunIds: ["earlier"],
    } as RunInput);
    expect(facts).toEqual([{ type: "run.started", data: { epoch: 1, historyRunIds: ["earlier"] } }]);
  });

  it("and starts over quietly when its first holder died before it began", () => {
    expect(given([created, asked("hi")]).when(claimed(true)).types).toEqual(["run.started"]);
  });

  it("by asking the model for step one", () => {
    const { state, types } = given([created, asked("hi"), started]).when(proceed);
    expect(types).toEqual(["step.started"]);
    expect(effectsOf(state)).toEqual([{ kind: "call_model", step: 1, seq: 4 }]);
  });
});

describe("a step ends", () => {
  it("and with it the run, when the model asked for nothing", () => {
    const { facts } = given(begun).when(finished(), proceed);
    expect(facts).toEqual([
      { type: "run.completed", data: { output: "said", usage: { inputTokens: 1, outputTokens: 2 } } },
    ]);
  });

  it("but not the run, when a message arrived while the last step ended", () => {
    expect(given(begun).when(finished(), message, proceed).types).toEqual(["step.started"]);
  });

  it("with a call that the server refuses for the model to read, and goes on", () => {
    const input = finished(["c", "no_such_tool"]) as Extract<RunInput, { kind: "step_finished" }>;
    const invalid = { code: "unknown_tool", message: "There is no such tool." };
    const refused = given(begun).when({ ...input, calls: input.calls.map((call) => ({ ...call, invalid })) });
    expect(refused.types).toEqual(["step.completed", "tool.requested", "tool.failed"]);
    expect(refused.when(proceed).types).toEqual(["step.started"]);
  });

  it("at maxSteps with a clear reason, after its calls were performed", () => {
    const run = given(begun, newRun({ maxSteps: 1 })).when(finished(["c", "look"]), proceed, result("c"), proceed);
    expect(run.facts.at(-1)).toMatchObject({ type: "run.failed", data: { error: { code: "max_steps_reached" } } });
  });
});

describe("several calls of one step", () => {
  it("go out together, to wherever they belong, and the lease is kept for the server's", () => {
    const run = given(begun).when(finished(["a", "look"], ["b", "fetch"], ["c", "ask"]), proceed);
    expect(run.types).toEqual(["tool.dispatched", "tool.dispatched", "tool.dispatched"]);
    expect(effectsOf(run.state)).toMatchObject([{ kind: "perform_tool", call: { callId: "b" }, attempt: 1 }]);
    expect(run.facts[0]).toMatchObject({ data: { deviceId: "d-1", deadline: new Date(NOW + 1000).toISOString() } });
    expect(run.facts[2]).toMatchObject({ data: { deadline: null } });
  });

  it("park the run once only calls out of the house remain, until the nearest deadline", () => {
    const run = given(begun).when(finished(["a", "look"], ["c", "ask"]), proceed);
    expect(run.types.at(-1)).toBe("run.waiting");
    expect(effectsOf(run.state)).toEqual([{ kind: "wait", until: NOW + 1000 }]);
  });

  it("resume the run only when all have settled", () => {
    const parked = given(begun).when(finished(["a", "look"], ["c", "ask"]), proceed);
    const half = parked.when(result("a"), proceed);
    expect(half.types).toEqual([]);
    expect(half.when(result("c"), proceed).types).toEqual(["run.resumed", "step.started"]);
  });

  it("are shown to the model directly after the message that made them, whenever a user spoke meanwhile", () => {
    const run = given(begun).when(finished(["a", "look"]), proceed, message, result("a"), proceed);
    expect(run.state.run.transcript.map((entry) => entry.kind)).toEqual(["message", "step", "message"]);
  });
});

describe("a call settles once (R7)", () => {
  const parked = given(begun).when(finished(["a", "look"]), proceed);

  it("by its first result; the second decides nothing", () => {
    expect(parked.when(result("a", "first"), result("a", "second")).facts).toEqual([]);
  });

  it("at its deadline, which the model is told", () => {
    const late = parked.at(NOW + 1000).when(proceed);
    expect(late.types).toEqual(["tool.expired", "run.resumed", "step.started"]);
    expect(late.when(finished(), result("a")).facts).toEqual([]);
  });

  it("at its deadline, which ends the run where the tool says so", () => {
    const run = given(begun).when(finished(["a", "must"], ["b", "ask"]), proceed);
    const late = run.at(NOW + 1000).when(proceed);
    expect(late.types).toEqual(["tool.expired", "tool.failed", "run.failed"]);
    expect(late.facts.at(-1)).toMatchObject({ data: { error: { code: "tool_timeout" } } });
  });

  it("as unknown at its deadline, when the device that had it is gone", () => {
    const gone = { ...proceed, dispatches: { a: { sent: true, connected: false } } } as RunInput;
    expect(parked.at(NOW + 1000).when(gone).facts[0]).toMatchObject({ data: { error: { code: "outcome_unknown" } } });
  });

  it("never by a result that a client sends for a server's call", () => {
    const run = given(begun).when(finished(["b", "fetch"]), proceed);
    expect(run.when(result("b")).facts).toEqual([]);
  });
});

describe("a device loses a call", () => {
  it("that is not repeatable: its outcome is unknown, and it is never sent again", () => {
    const run = given(begun).when(finished(["a", "look"]), proceed, lost("a", 1));
    expect(run.facts).toMatchObject([{ type: "tool.failed", data: { error: { code: "outcome_unknown" } } }]);
  });

  it("that is repeatable: it goes out again under the next attempt, by the same deadline", () => {
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

  it("is awaited before anything is sent", () => {
    expect(asking.types).toEqual(["tool.awaiting_approval", "run.waiting"]);
  });

  it("lets the call go out, and its time runs from there", () => {
    const approval: RunInput = { kind: "approval", callId: "p", approved: true, reason: null, by: "ann" };
    const run = asking.at(NOW + 5000).when(approval, proceed);
    expect(run.facts).toMatchObject([
      { type: "tool.dispatched", data: { deadline: new Date(NOW + 65_000).toISOString() } },
    ]);
  });

  it("denied is told to the model", () => {
    const denial: RunInput = { kind: "approval", callId: "p", approved: false, reason: "too dear", by: "ann" };
    expect(asking.when(denial, proceed).types).toEqual(["run.resumed", "step.started"]);
  });

  it("orphaned does not lock the conversation for good", () => {
    expect(asking.at(NOW + 24 * 3600 * 1000).when(proceed).types).toEqual([
      "tool.expired",
      "run.resumed",
      "step.started",
    ]);
  });

  it("of a server's call resumes the run before the call begins", () => {
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
  it("fails at once instead of driving somebody else's tab", () => {
    const run = given(begun).when(finished(["t", "tab"]), proceed);
    expect(run.facts[0]).toMatchObject({ type: "tool.failed", data: { error: { code: "no_device" } } });
  });

  it("with one goes to the tab that started the run", () => {
    const run = given(begun, newRun({}, "tab-7")).when(finished(["t", "tab"]), proceed);
    expect(run.types).toEqual(["tool.dispatched", "run.waiting"]);
  });
});

describe("the model fails", () => {
  it("in a way that passes: the step is discarded and made again later, no sooner than asked", () => {
    const run = given(begun).when(failure("rate_limited", 9000));
    expect(run.facts).toMatchObject([
      { type: "step.discarded", data: { reason: "error" } },
      { type: "run.retrying", data: { attempt: 1, nextAt: new Date(NOW + 9000).toISOString() } },
    ]);
    expect(effectsOf(run.state)).toEqual([{ kind: "wait", until: NOW + 9000 }]);
    expect(run.when(proceed).facts).toEqual([]);
    expect(run.at(NOW + 9000).when(claimed(false), proceed).types).toEqual(["run.resumed", "step.started"]);
  });

  it("too often: the run fails with the model's error", () => {
    const retrying = given(begun, newRun({ retry: { maxAttempts: 2 } })).when(failure("rate_limited"));
    const run = retrying.at(NOW + 60_000).when(proceed, failure("rate_limited"));
    expect(run.types).toEqual(["step.discarded", "run.failed"]);
  });

  it("in a way that does not pass: at once", () => {
    const run = given(begun).when(failure("unauthorized"));
    expect(run.facts.at(-1)).toMatchObject({ data: { error: { code: "model_unauthorized" } } });
  });
});

describe("a cancel", () => {
  it("cuts the step short and keeps what was said", () => {
    const run = given(begun).when(cancel);
    expect(run.facts).toMatchObject([
      { type: "step.discarded", data: { reason: "cancel", partial: "half a sen" } },
      { type: "run.canceled", data: { reason: "enough" } },
    ]);
  });

  it("settles every open call first", () => {
    const run = given(begun).when(finished(["a", "look"], ["c", "ask"]), proceed, result("a"), cancel);
    expect(run.types).toEqual(["tool.failed", "run.canceled"]);
  });

  it("of an ended run decides nothing", () => {
    expect(given(begun).when(finished(), proceed, cancel).facts).toEqual([]);
  });
});

describe("a new holder", () => {
  it("closes the step of a lost one and makes it again", () => {
    const run = given(begun).when(claimed(true));
    expect(run.facts).toMatchObject([{ type: "run.recovered" }, { type: "step.discarded", data: { reason: "crash" } }]);
    expect(run.when(proceed).facts).toEqual([{ type: "step.started", data: { step: 1 } }]);
  });

  it("never makes a server's call again that is not repeatable", () => {
    const run = given(begun).when(finished(["a", "fetch"], ["b", "refetch"]), proceed, claimed(true));
    expect(run.facts).toMatchObject([
      { type: "run.recovered" },
      { type: "tool.failed", data: { callId: "a", error: { code: "outcome_unknown" } } },
      { type: "tool.dispatched", data: { callId: "b", attempt: 2 } },
    ]);
  });

  it("goes on after a hand-over without calling it a recovery", () => {
    const run = given(begun).when({ kind: "handover" });
    expect(run.facts).toEqual([{ type: "step.discarded", data: { step: 1, reason: "handover" } }]);
    expect(run.when(claimed(false), proceed).types).toEqual(["step.started"]);
  });

  it("of a parked run says nothing until there is something to say", () => {
    const run = given(begun).when(finished(["a", "look"]), proceed, claimed(false));
    expect(run.facts).toEqual([]);
  });

  it("that an input wakes during a back-off does not retry early", () => {
    const run = given(begun).when(failure("rate_limited", 9000), claimed(false), message, proceed);
    expect(run.facts).toEqual([]);
    expect(effectsOf(run.state)).toEqual([{ kind: "wait", until: NOW + 9000 }]);
  });
});
