import { type Fact, isTerminalType } from "@hsafa/protocol";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { asked, created, fold, NOW, newRun } from "../../test/core/given.ts";
import { decide, mayTell } from "./decide.ts";
import { effectsOf } from "./effects.ts";
import type { RunInput } from "./input.ts";
import type { RunState } from "./state.ts";

/** Whatever happens in whatever order, as a holder could tell it. Call ids are few, so that results meet their calls. */
const callIds = ["c1", "c2", "c3", "c4"];
const tools = ["look", "look_again", "fetch", "refetch", "ask", "pay", "must", "tab", "no_such_tool"];
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
      kind: fc.constantFrom("rate_limited" as const, "network" as const, "bad_request" as const),
      message: fc.constant("no"),
      retryAfterMs: fc.constantFrom(null, 5000),
    }),
    jitter: fc.double({ min: 0, max: 0.99, noNaN: true }),
  }),
  fc.constant<RunInput>({ kind: "handover" }),
  fc.record({ kind: fc.constant("cancel" as const), reason: fc.constant(null) }),
);
const proceedInput = (sent: boolean): RunInput => ({
  kind: "proceed",
  epoch: 1,
  deviceIds: {},
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

interface Played {
  readonly state: RunState;
  readonly facts: readonly { readonly fact: Fact; readonly at: number }[];
  readonly states: readonly RunState[];
}

function play(moves: readonly (typeof move extends fc.Arbitrary<infer M> ? M : never)[]): Played {
  let now = NOW;
  let state = newRun({ maxSteps: 4 });
  const facts: { fact: Fact; at: number }[] = [];
  const states: RunState[] = [];
  const take = (decided: readonly Fact[]): void => {
    for (const fact of decided) facts.push({ fact, at: now });
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
    if (proceeds) take(decide(state, proceedInput(sent), now));
  }
  return { state, facts, states };
}

/** Call ids of one step are fresh, as the model adapter makes them; the first steps use the few ids that results can meet. */
function stepFinished(names: readonly string[], step: number): RunInput {
  const calls = names.map((toolName, index) => ({
    callId: step === 0 ? (callIds[index] ?? `s${step}-${index}`) : `s${step}-${index}`,
    toolName,
    args: {},
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

describe("whatever happens to a run, in whatever order", () => {
  const holds = (check: (played: Played) => void): void => {
    fc.assert(
      fc.property(fc.array(move, { maxLength: 40 }), (moves) => check(play(moves))),
      { numRuns: 1500 },
    );
  };

  it("its seq counts its facts, it ends at most once, and nothing follows the end (R2, R6)", () => {
    holds(({ state, facts }) => {
      expect(state.run.seq).toBe(facts.length);
      const ends = facts.flatMap(({ fact }, index) => (isTerminalType(fact.type) ? [index] : []));
      expect(ends.length).toBeLessThanOrEqual(1);
      if (ends.length === 1) expect(ends[0]).toBe(facts.length - 1);
      expect(state.phase === "ended").toBe(ends.length === 1);
    });
  });

  it("nothing is due once it has ended, and every call is settled by then", () => {
    holds(({ state }) => {
      if (state.phase !== "ended") return;
      expect(effectsOf(state)).toEqual([]);
      expect([...state.run.calls.values()].every((call) => call.phase.kind === "settled")).toBe(true);
    });
  });

  it("folding its facts again gives the same state (R4)", () => {
    holds(({ state, facts }) => {
      const again = facts.reduce((before, { fact, at }) => fold([fact], before, at), newRun({ maxSteps: 4 }));
      expect(again).toEqual(state);
    });
  });

  it("every call settles at most once, and only after it was requested (R7)", () => {
    holds(({ facts }) => {
      const requested = new Set<string>();
      const settled = new Set<string>();
      for (const { fact } of facts) {
        if (fact.type === "tool.requested") requested.add(fact.data.callId);
        if (!settles(fact.type) || !("callId" in fact.data)) continue;
        expect(requested.has(fact.data.callId)).toBe(true);
        expect(settled.has(fact.data.callId)).toBe(false);
        settled.add(fact.data.callId);
      }
    });
  });

  it("every step is closed exactly once before the next one begins, with no fact in between (R2)", () => {
    holds(({ facts, state }) => {
      facts.forEach(({ fact }, index) => {
        const next = facts[index + 1]?.fact;
        if (
          fact.type === "step.started" &&
          next !== undefined &&
          next.type !== "run.recovered" &&
          next.type !== "run.resumed"
        ) {
          expect(["step.completed", "step.discarded"]).toContain(next.type);
        }
      });
      const opened = facts.filter(({ fact }) => fact.type === "step.started").length;
      const closed = facts.filter(
        ({ fact }) => fact.type === "step.completed" || fact.type === "step.discarded",
      ).length;
      expect(opened - closed).toBe(state.phase === "stepping" ? 1 : 0);
    });
  });

  it("a call that is not repeatable is dispatched at most once", () => {
    holds(({ facts, states }) => {
      const toolOf = new Map(
        states.flatMap(({ run }) => [...run.calls.values()].map((call) => [call.callId, call.tool] as const)),
      );
      for (const { fact } of facts) {
        if (fact.type !== "tool.dispatched") continue;
        if (toolOf.get(fact.data.callId)?.repeatable !== true) expect(fact.data.attempt).toBe(1);
      }
    });
  });

  it("after `proceed` a live run always has something due, or waits for something that will come", () => {
    holds(({ state }) => {
      if (state.phase === "ended") return;
      const facts = decide(state, proceedInput(true), NOW + 10_000_000);
      const after = fold(facts, state, NOW + 10_000_000);
      if (after.phase !== "ended") expect(effectsOf(after).length).toBeGreaterThan(0);
    });
  });
});
