import { type Fact, isTerminalType, type JsonObject } from "@hsafa/protocol";
import fc from "fast-check";
import { isDeepStrictEqual } from "node:util";
import { describe, expect, test } from "vitest";
import { asked, created, fold, NOW, newRun } from "../../test/support/given.ts";
import { decide, mayTell } from "./decide.ts";
import { effectsOf } from "./effects.ts";
import type { RunInput } from "./input.ts";
import { openCallsOf, type RunState } from "./run-state.ts";

/**
 * Whatever happens in whatever order, as a holder could tell it. Call ids are few, so that results meet their calls.
 */
const callIds = ["c1", "c2", "c3", "c4"];
const tools = ["look", "look_again", "fetch", "refetch", "ask", "pay", "must", "tab", "nap", "no_such_tool"];
const callId = fc.constantFrom(...callIds);
const outcome = fc.constantFrom(
  { kind: "completed" as const, result: "ok" },
  { kind: "failed" as const, error: { code: "x", message: "y" } },
);

const input: fc.Arbitrary<RunInput> = fc.oneof(
  fc.record({
    kind: fc.constant("claimed" as const),
    epoch: fc.nat(),
    lost: fc.boolean(),
    historyRunIds: fc.constant([]),
  }),
  fc.constant<RunInput>({ kind: "message", message: { role: "user", content: "and?" } }),
  fc.record({
    kind: fc.constant("tool_result" as const),
    callId,
    outcome,
    source: fc.constant("http" as const),
    deviceId: fc.constant(null),
  }),
  fc.record({
    kind: fc.constant("approval" as const),
    callId,
    approved: fc.boolean(),
    reason: fc.constant(null),
    by: fc.constant("ann"),
  }),
  fc.record({ kind: fc.constant("dispatch_lost" as const), callId, attempt: fc.integer({ min: 1, max: 3 }) }),
  fc.record({
    kind: fc.constant("server_tool_finished" as const),
    callId,
    attempt: fc.integer({ min: 1, max: 3 }),
    outcome,
  }),
  fc.record({
    kind: fc.constant("step_failed" as const),
    failure: fc.record({
      kind: fc
        .constantFrom("rate_limited", "network", "bad_request", "context_exceeded")
        .map((kind) => kind as "network"),
      message: fc.constant("no"),
      retryAfterMs: fc.constantFrom(null, 5000),
    }),
    sent: fc.record({ tokens: fc.constantFrom(0, 1000), isLeast: fc.boolean() }),
    jitter: fc.double({ min: 0, max: 0.99, noNaN: true }),
  }),
  fc.constant<RunInput>({ kind: "summary_due", throughRunId: "old" }),
  fc.constant<RunInput>({ kind: "handover" }),
  fc.record({ kind: fc.constant("cancel" as const), reason: fc.constant(null) }),
);
const proceedInput = (sent: boolean): Extract<RunInput, { kind: "proceed" }> => ({
  kind: "proceed",
  epoch: 1,
  isRecordFull: false,
  agents: {},
  devices: {},
  dispatches: Object.fromEntries(callIds.map((id) => [id, { sent, connected: false }])),
});

/** One move: an input (or a finished step with some calls), some time, and whether `proceed` is told after it. */
const move = fc.record({
  act: fc.oneof(
    { arbitrary: input, weight: 3 },
    { arbitrary: fc.array(fc.constantFrom(...tools), { maxLength: 3 }), weight: 2 },
  ),
  afterMs: fc.constantFrom(0, 0, 100, 1000, 90_000),
  proceeds: fc.boolean(),
  sent: fc.boolean(),
});

type Dispatches = ReturnType<typeof proceedInput>["dispatches"];

interface Played {
  readonly state: RunState;
  /** `dispatches`: what was known of dispatched calls, if `proceed` decided the fact. */
  readonly facts: readonly { readonly fact: Fact; readonly at: number; readonly dispatches: Dispatches | null }[];
  readonly states: readonly RunState[];
}

function play(moves: readonly (typeof move extends fc.Arbitrary<infer M> ? M : never)[]): Played {
  let now = NOW;
  let state = newRun({ maxSteps: 4 });
  const facts: { fact: Fact; at: number; dispatches: Dispatches | null }[] = [];
  const states: RunState[] = [];
  const take = (decided: readonly Fact[], dispatches: Dispatches | null = null): void => {
    for (const fact of decided) facts.push({ fact, at: now, dispatches });
    state = fold(decided, state, now);
    states.push(state);
  };
  take([created, asked("hi")]);
  take(decide(state, { kind: "claimed", epoch: 1, lost: false, historyRunIds: [] }, now));
  take(decide(state, proceedInput(false), now));
  let step = 0;
  for (const { act, afterMs, proceeds, sent } of moves) {
    now += afterMs;
    const told: RunInput = Array.isArray(act) ? stepFinished(act, step++) : act;
    if (mayTell(state, told)) take(decide(state, told, now));
    const proceed = proceedInput(sent);
    if (proceeds) take(decide(state, proceed, now), proceed.dispatches);
  }
  return { state, facts, states };
}

function argumentsOf(toolName: string): JsonObject {
  return toolName === "nap" ? { durationMs: 60_000 } : {};
}

/**
 * Call ids of one step are fresh, as the model adapter makes them; the first steps use the few ids that results can
 * meet.
 */
function stepFinished(names: readonly string[], step: number): RunInput {
  const calls = names.map((toolName, index) => ({
    callId: step === 0 ? (callIds[index] ?? `s${step}-${index}`) : `s${step}-${index}`,
    toolName,
    args: argumentsOf(toolName),
    invalid: toolName === "no_such_tool" ? { code: "unknown_tool", message: "There is no such tool." } : null,
  }));
  return {
    kind: "step_finished",
    finishReason: "stop",
    messages: [{ role: "assistant", content: "said" }],
    usage: {},
    calls,
  };
}

const settles = (type: string): boolean =>
  ["tool.completed", "tool.failed", "tool.expired", "tool.denied"].includes(type);

/** The shortest course of a run for which the rule does not hold; null when none was found. */
function counterexample(rule: (played: Played) => boolean): string | null {
  const found = fc.check(
    fc.property(fc.array(move, { maxLength: 40 }), (moves) => rule(play(moves))),
    { numRuns: 1500 },
  );
  return found.failed
    ? `seed ${found.seed}: ${JSON.stringify(found.counterexample)} ${String(found.errorInstance)}`
    : null;
}

const typesOf = ({ facts }: Played): string[] => facts.map(({ fact }) => fact.type);

describe("whatever happens to a run, in whatever order", () => {
  test("in any order of inputs, a run's seq counts its facts, it ends at most once, and nothing follows the end (R2, R6)", () => {
    const rule = (played: Played): boolean => {
      const end = typesOf(played).findIndex(isTerminalType);
      const ended = played.state.phase === "ended";
      return played.state.run.seq === played.facts.length && end === (ended ? played.facts.length - 1 : -1);
    };
    expect(counterexample(rule)).toBeNull();
  });

  test("in any order of inputs, nothing is due once a run has ended, and every call is settled by then", () => {
    const rule = ({ state }: Played): boolean =>
      state.phase !== "ended" || (effectsOf(state).length === 0 && openCallsOf(state.run).length === 0);
    expect(counterexample(rule)).toBeNull();
  });

  test("in any order of inputs, folding a run's facts again gives the same state (R4)", () => {
    const rule = ({ state, facts }: Played): boolean => {
      const again = facts.reduce((before, { fact, at }) => fold([fact], before, at), newRun({ maxSteps: 4 }));
      return isDeepStrictEqual(again, state);
    };
    expect(counterexample(rule)).toBeNull();
  });

  test("in any order of inputs, every call settles at most once, and only after it was requested (R7)", () => {
    const rule = ({ facts }: Played): boolean => {
      const open = new Set<string>();
      return facts.every(({ fact }) => {
        if (fact.type === "tool.requested") open.add(fact.data.callId);
        return !settles(fact.type) || ("callId" in fact.data && open.delete(fact.data.callId));
      });
    };
    expect(counterexample(rule)).toBeNull();
  });

  test("in any order of inputs, every step is closed exactly once, by the next fact other than a new holder's (R2)", () => {
    const rule = (played: Played): boolean => {
      const types = typesOf(played).filter((type) => type !== "run.recovered" && type !== "run.resumed");
      return types.every((type, index) => {
        const next = types[index + 1];
        const closes = next === "step.completed" || next === "step.discarded";
        if (type === "step.started") return closes || (next === undefined && played.state.phase === "stepping");
        return !closes;
      });
    };
    expect(counterexample(rule)).toBeNull();
  });

  test("in any order of inputs, a call that is not repeatable is dispatched at most once (R4)", () => {
    const rule = ({ facts, states }: Played): boolean => {
      const calls = states.flatMap(({ run }) => [...run.calls.values()]);
      const repeatable = new Set(calls.filter((call) => call.tool?.repeatable === true).map((call) => call.callId));
      return facts.every(
        ({ fact }) => fact.type !== "tool.dispatched" || fact.data.attempt === 1 || repeatable.has(fact.data.callId),
      );
    };
    expect(counterexample(rule)).toBeNull();
  });

  test("in any order of inputs, a call that is said not to be executed had left for nobody", () => {
    const rule = ({ facts }: Played): boolean => {
      const attempts = new Map<string, number>();
      return facts.every(({ fact, dispatches }) => {
        if (fact.type === "tool.dispatched") attempts.set(fact.data.callId, fact.data.attempt);
        if (fact.type !== "tool.expired" || fact.data.error?.code !== "not_executed") return true;
        const { callId: id, toolName } = fact.data;
        const attempt = attempts.get(id);
        const isForDevice = ["look", "look_again", "pay", "must", "tab"].includes(toolName);
        return attempt === undefined || (isForDevice && attempt === 1 && dispatches?.[id]?.sent === false);
      });
    };
    expect(counterexample(rule)).toBeNull();
  });

  test("in any order of inputs, a sleep ends by waking, never before its time, or with its run", () => {
    const rule = ({ facts }: Played): boolean => {
      const wakesAt = new Map<string, number>();
      return facts.every(({ fact, at }) => {
        if (fact.type === "tool.dispatched" && fact.data.sleeps === true) wakesAt.set(fact.data.callId, at + 60_000);
        const until = "callId" in fact.data ? wakesAt.get(fact.data.callId) : undefined;
        if (until === undefined || !settles(fact.type)) return true;
        if (fact.type === "tool.failed") return fact.data.error.message === "The run ended while it slept.";
        return fact.type === "tool.completed" && fact.data.source === "server" && at >= until;
      });
    };
    expect(counterexample(rule)).toBeNull();
  });

  test("in any order of inputs, after `proceed` a live run has something due or waits for something that will come (R6)", () => {
    const rule = ({ state }: Played): boolean => {
      const later = NOW + 10_000_000;
      const after = fold(decide(state, proceedInput(true), later), state, later);
      return after.phase === "ended" || effectsOf(after).length > 0;
    };
    expect(counterexample(rule)).toBeNull();
  });
});
