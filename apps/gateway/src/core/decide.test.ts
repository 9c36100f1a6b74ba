import { describe, expect, test } from "vitest";
import {
  asked,
  begun,
  claimed,
  config,
  created,
  finished,
  given,
  newRun,
  NOW,
  proceed,
  result,
  started,
} from "../../test/support/given.ts";
import { effectsOf } from "./effects.ts";
import type { ModelFailureKind, RunInput } from "./input.ts";
import { SERVER_TOOL_ATTEMPTS_MAX } from "./limits.ts";

const message: RunInput = { kind: "message", message: { role: "user", content: "and?" } };
const cancel: RunInput = { kind: "cancel", reason: "enough", partial: "half a sen" };
const failure = (kind: "rate_limited" | "unauthorized", retryAfterMs: number | null = null): RunInput => ({
  kind: "step_failed",
  failure: { kind, message: "no", retryAfterMs },
  jitter: 0.5,
});
const lost = (callId: string, attempt: number): RunInput => ({ kind: "dispatch_lost", callId, attempt });

describe("a run begins", () => {
  test("a run begins with its first claim, which fixes what it sees of its thread", () => {
    const { facts } = given([created, asked("hi")]).when({
      ...claimed(false, 1),
      historyRunIds: ["earlier"],
    } as RunInput);
    expect(facts).toEqual([{ type: "run.started", data: { epoch: 1, historyRunIds: ["earlier"] } }]);
  });

  test("a run whose first holder died before it began starts without a recovery fact", () => {
    expect(given([created, asked("hi")]).when(claimed(true)).types).toEqual(["run.started"]);
  });

  test("a run begins by asking the model for step one", () => {
    const { state, types } = given([created, asked("hi"), started]).when(proceed);
    expect(types).toEqual(["step.started"]);
    expect(effectsOf(state)).toEqual([{ kind: "call_model", step: 1, seq: 4 }]);
  });
});

describe("a record that is full", () => {
  const full = { ...proceed, isRecordFull: true } as RunInput;

  test("the run ends instead of going on: before its next step, while calls are out, and while it waits to try again", () => {
    const error = { code: "record_full" };
    const failed = [{ type: "run.failed", data: { error } }];
    expect(given([created, asked("hi"), started]).when(full).facts).toMatchObject(failed);
    const acting = given(begun).when(finished(["a", "look"], ["b", "ask"]), proceed);
    expect(acting.when(full).facts).toMatchObject([{ data: { callId: "a" } }, { data: { callId: "b" } }, ...failed]);
    expect(given(begun).when(failure("rate_limited"), full).facts.at(-1)).toMatchObject({ data: { error } });
  });

  test("the answer that fills it is still the end of the run, and an open step goes on", () => {
    expect(given(begun).when(finished(), full).types).toEqual(["run.completed"]);
    expect(given(begun).when(full).types).toEqual([]);
  });
});

describe("a step ends", () => {
  test("a run completes with the step in which the model asked for no tool", () => {
    const { facts } = given(begun).when(finished(), proceed);
    expect(facts).toEqual([
      {
        type: "run.completed",
        data: { output: "said", usage: { inputTokens: 1, outputTokens: 2 }, finishReason: "stop" },
      },
    ]);
  });

  test.each(["length", "content-filter", "error", "other"] as const)(
    "a run whose answer ended with %s completes and says so, or fails if its agent wants that",
    (finishReason) => {
      const cut: RunInput = { ...finished(), finishReason } as RunInput;
      expect(given(begun).when(cut, proceed).facts).toMatchObject([{ type: "run.completed", data: { finishReason } }]);
      const failing = given(begun, newRun({ onIncomplete: "fail" }));
      expect(failing.when(cut, proceed).facts).toMatchObject([
        { type: "run.failed", data: { error: { code: "answer_incomplete" }, finishReason } },
      ]);
      expect(failing.when(finished(), proceed).types).toEqual(["run.completed"]);
    },
  );

  test("a model that is loading is waited for by time, and its attempts are told apart", () => {
    const loading: RunInput = {
      kind: "step_failed",
      failure: { kind: "overloaded", message: "Loading model", retryAfterMs: null, isLoading: true },
      jitter: 0.5,
    };
    const run = given(begun, newRun({ retry: { maxAttempts: 2, loadingTimeoutMs: 60_000 } })).when(loading);
    expect(run.facts).toMatchObject([{}, { type: "run.retrying", data: { attempt: 1, loading: true } }]);
    const again = run.at(NOW + 30_000).when(proceed, loading);
    expect(again.facts).toMatchObject([{}, { type: "run.retrying", data: { attempt: 2, loading: true } }]);
    expect(again.at(NOW + 70_000).when(proceed, loading).types).toEqual(["step.discarded", "run.failed"]);
  });

  test("a message that arrives while the last step ends keeps the run going", () => {
    expect(given(begun).when(finished(), message, proceed).types).toEqual(["step.started"]);
  });

  test("a call that the server refuses is shown to the model, and the run goes on", () => {
    const input = finished(["c", "no_such_tool"]) as Extract<RunInput, { kind: "step_finished" }>;
    const invalid = { code: "unknown_tool", message: "There is no such tool." };
    const refused = given(begun).when({ ...input, calls: input.calls.map((call) => ({ ...call, invalid })) });
    expect(refused.types).toEqual(["step.completed", "tool.requested", "tool.failed"]);
    expect(refused.when(proceed).types).toEqual(["step.started"]);
  });

  test("a run that reaches maxSteps fails with a clear reason, after its calls were performed", () => {
    const run = given(begun, newRun({ maxSteps: 1 })).when(finished(["c", "look"]), proceed, result("c"), proceed);
    expect(run.facts.at(-1)).toMatchObject({ type: "run.failed", data: { error: { code: "max_steps_reached" } } });
  });
});

describe("several calls of one step", () => {
  test("several calls of one step go out together, and the lease is kept while a server's call is open", () => {
    const run = given(begun).when(finished(["a", "look"], ["b", "fetch"], ["c", "ask"]), proceed);
    expect(run.types).toEqual(["tool.dispatched", "tool.dispatched", "tool.dispatched"]);
    expect(effectsOf(run.state)).toMatchObject([{ kind: "perform_tool", call: { callId: "b" }, attempt: 1 }]);
    expect(run.facts[0]).toMatchObject({ data: { deviceId: "d-1", deadline: new Date(NOW + 1000).toISOString() } });
    expect(run.facts[2]).toMatchObject({ data: { deadline: null } });
  });

  test("a run with only device and client calls open parks until the nearest deadline", () => {
    const run = given(begun).when(finished(["a", "look"], ["c", "ask"]), proceed);
    expect(run.types.at(-1)).toBe("run.waiting");
    expect(effectsOf(run.state)).toEqual([{ kind: "wait", until: NOW + 1000 }]);
  });

  test("a parked run resumes only when all its calls have settled", () => {
    const parked = given(begun).when(finished(["a", "look"], ["c", "ask"]), proceed);
    const half = parked.when(result("a"), proceed);
    expect(half.types).toEqual([]);
    expect(half.when(result("c"), proceed).types).toEqual(["run.resumed", "step.started"]);
  });

  test("calls are shown to the model directly after the message that made them, though a user spoke meanwhile", () => {
    const run = given(begun).when(finished(["a", "look"]), proceed, message, result("a"), proceed);
    expect(run.state.run.transcript.map((entry) => entry.kind)).toEqual(["message", "step", "message"]);
  });
});

describe("a conversation that is too long", () => {
  const tooLong = (tokens: number, isLeast = false): RunInput => ({
    kind: "step_failed",
    failure: { kind: "context_exceeded", message: "too long", retryAfterMs: null },
    jitter: 0,
    sent: { tokens, isLeast },
  });
  const fails = { type: "run.failed", data: { error: { code: "model_context_exceeded", message: "too long" } } };

  test("the step is asked again at once with half as much, and at last with the run alone", () => {
    let run = given(begun).when(tooLong(1000));
    const bounds: unknown[] = [];
    for (let tokens = 500; ; tokens /= 2) {
      const [fact] = run.facts;
      if (fact?.type !== "step.discarded" || fact.data.contextTokensMax === undefined) break;
      bounds.push(fact.data.contextTokensMax);
      run = run.when(proceed);
      expect(run.types).toEqual(["step.started"]);
      run = run.when(tooLong(tokens));
    }
    expect(bounds).toEqual([500, 250, 125, 1]);
    expect(run.facts.at(-1)).toMatchObject(fails);
  });

  test("a run that is too long by itself, or whose agent wants no less, fails", () => {
    expect(given(begun).when(tooLong(1000, true)).facts.at(-1)).toMatchObject(fails);
    const strict = given(begun, newRun({ history: { overflow: "fail" } }));
    expect(strict.when(tooLong(1000)).facts.at(-1)).toMatchObject(fails);
  });

  test("a summary that is due comes before the step, counts for no step, and is no turn", () => {
    const due = given(begun, newRun({ maxSteps: 1 })).when({ kind: "summary_due", throughRunId: "old" });
    expect(due.facts).toEqual([
      { type: "step.discarded", data: { step: 1, reason: "history", summarizesThrough: "old" } },
    ]);
    const begins = due.when(proceed);
    expect(begins.facts).toEqual([{ type: "step.started", data: { step: 1, summarizesThrough: "old" } }]);
    const made = begins.when({
      ...(finished() as Extract<RunInput, { kind: "step_finished" }>),
      messages: [],
      summary: { text: "all of it", throughRunId: "old" },
    });
    expect(made.state.run.transcript.map((entry) => entry.kind)).toEqual(["message"]);
    expect(made.when(proceed).facts).toEqual([{ type: "step.started", data: { step: 2 } }]);
  });

  test("a crash in the middle of a summary makes it again", () => {
    const begins = given(begun).when({ kind: "summary_due", throughRunId: "old" }, proceed);
    const after = begins.when(claimed(true), proceed);
    expect(after.facts).toEqual([{ type: "step.started", data: { step: 1, summarizesThrough: "old" } }]);
  });
});

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

describe("the model fails", () => {
  test("a passing failure of the model discards the step, which is made again no sooner than the provider asked", () => {
    const run = given(begun).when(failure("rate_limited", 9000));
    expect(run.facts).toMatchObject([
      { type: "step.discarded", data: { reason: "error" } },
      { type: "run.retrying", data: { attempt: 1, nextAt: new Date(NOW + 9000).toISOString() } },
    ]);
    expect(effectsOf(run.state)).toEqual([{ kind: "wait", until: NOW + 9000 }]);
    expect(run.when(proceed).facts).toEqual([]);
    expect(run.at(NOW + 9000).when(claimed(false), proceed).types).toEqual(["run.resumed", "step.started"]);
  });

  test("a run whose model fails too often fails with the model's error", () => {
    const retrying = given(begun, newRun({ retry: { maxAttempts: 2 } })).when(failure("rate_limited"));
    const run = retrying.at(NOW + 60_000).when(proceed, failure("rate_limited"));
    expect(run.types).toEqual(["step.discarded", "run.failed"]);
  });

  test("every step that fails says what the model was not shown, also the last one", () => {
    const leftOut = [{ reason: "unsupported" as const, what: "a file" }];
    const failing = (kind: ModelFailureKind) =>
      ({ kind: "step_failed", failure: { kind, message: "no", retryAfterMs: null }, jitter: 0.5, leftOut }) as RunInput;
    const refusing = failing("bad_request") as Extract<RunInput, { kind: "step_failed" }>;
    const refused = { ...refusing, failure: { ...refusing.failure, refusesConversation: true } };
    for (const failed of [failing("rate_limited"), failing("unauthorized"), failing("context_exceeded"), refused]) {
      expect(given(begun).when(failed).facts[0]).toMatchObject({ type: "step.discarded", data: { leftOut } });
    }
    expect(given(begun).when(failure("unauthorized")).facts[0]?.data).not.toHaveProperty("leftOut");
  });

  test("a permanent failure of the model fails the run at once", () => {
    const run = given(begun).when(failure("unauthorized"));
    expect(run.facts.at(-1)).toMatchObject({ data: { error: { code: "model_unauthorized" } } });
  });
});

describe("a cancel", () => {
  test("a cancel cuts the step short and keeps what was said", () => {
    const run = given(begun).when(cancel);
    expect(run.facts).toMatchObject([
      { type: "step.discarded", data: { reason: "cancel", partial: "half a sen" } },
      { type: "run.canceled", data: { reason: "enough" } },
    ]);
  });

  test("a cancel settles every open call first", () => {
    const run = given(begun).when(finished(["a", "look"], ["c", "ask"]), proceed, result("a"), cancel);
    expect(run.types).toEqual(["tool.failed", "run.canceled"]);
  });

  test("a cancel says of each open call whether it may have taken effect", () => {
    const run = given(begun).when(finished(["a", "ask"], ["p", "pay"]), proceed, cancel);
    const told = run.facts.map((fact) => (fact.type === "tool.failed" ? fact.data.error.message : fact.type));
    expect(told).toEqual([
      "The run ended before the tool answered. The call may or may not have taken effect.",
      "The run ended before the call was sent. It was not executed.",
      "run.canceled",
    ]);
  });

  test("a cancel of an ended run decides nothing", () => {
    expect(given(begun).when(finished(), proceed, cancel).facts).toEqual([]);
  });
});

describe("a new holder", () => {
  test("a new holder closes the step of a lost one and makes it again", () => {
    const run = given(begun).when(claimed(true));
    expect(run.facts).toMatchObject([{ type: "run.recovered" }, { type: "step.discarded", data: { reason: "crash" } }]);
    expect(run.when(proceed).facts).toEqual([{ type: "step.started", data: { step: 1 } }]);
  });

  test("a new holder never repeats a server's call that is not repeatable", () => {
    const run = given(begun).when(finished(["a", "fetch"], ["b", "refetch"]), proceed, claimed(true));
    expect(run.facts).toMatchObject([
      { type: "run.recovered" },
      { type: "tool.failed", data: { callId: "a", error: { code: "outcome_unknown" } } },
      { type: "tool.dispatched", data: { callId: "b", attempt: 2 } },
    ]);
  });

  test("a hand-over goes on without being called a recovery", () => {
    const run = given(begun).when({ kind: "handover" });
    expect(run.facts).toEqual([{ type: "step.discarded", data: { step: 1, reason: "handover" } }]);
    expect(run.when(claimed(false), proceed).types).toEqual(["step.started"]);
  });

  test("a new holder of a parked run writes no fact until something happens", () => {
    const run = given(begun).when(finished(["a", "look"]), proceed, claimed(false));
    expect(run.facts).toEqual([]);
  });

  test("an input during a back-off does not retry the model early", () => {
    const run = given(begun).when(failure("rate_limited", 9000), claimed(false), message, proceed);
    expect(run.facts).toEqual([]);
    expect(effectsOf(run.state)).toEqual([{ kind: "wait", until: NOW + 9000 }]);
  });
});
