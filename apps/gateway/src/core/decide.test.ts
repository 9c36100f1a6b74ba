import { describe, expect, test } from "vitest";
import {
  asked,
  begun,
  claimed,
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

const message: RunInput = { kind: "message", message: { role: "user", content: "and?" } };
const cancel: RunInput = { kind: "cancel", reason: "enough", partial: "half a sen" };
const failure = (kind: "rate_limited" | "unauthorized", retryAfterMs: number | null = null): RunInput => ({
  kind: "step_failed",
  failure: { kind, message: "no", retryAfterMs },
  jitter: 0.5,
});

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
