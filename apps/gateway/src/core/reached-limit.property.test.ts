import type { Fact, StartLimits, Usage } from "@hsafa/protocol";
import fc from "fast-check";
import { expect, test } from "vitest";
import { begun, created, fold, newRun, NOW, proceed } from "../../test/support/given.ts";
import { decide, mayTell } from "./decide.ts";
import type { RunInput } from "./input.ts";
import type { RunState } from "./run-state.ts";

/** Runs that go on for ever if nobody ends them: every step asks for calls, and every call is answered or not. */
const step = fc.record({
  tokens: fc.integer({ min: -5, max: 40 }),
  quarters: fc.integer({ min: 0, max: 8 }),
  calls: fc.integer({ min: 0, max: 3 }),
  afterMs: fc.constantFrom(0, 10, 400, 2000),
  isAnswered: fc.boolean(),
  fails: fc.boolean(),
});
const limits: fc.Arbitrary<StartLimits> = fc.record(
  {
    maxSteps: fc.integer({ min: 1, max: 6 }),
    tokens: fc.integer({ min: 1, max: 100 }),
    costUsd: fc.integer({ min: 1, max: 20 }).map((quarters) => quarters / 4),
    wallTimeMs: fc.integer({ min: 1, max: 6000 }),
    toolCalls: fc.integer({ min: 0, max: 6 }),
  },
  { requiredKeys: [] },
);
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

interface Played {
  readonly state: RunState;
  readonly facts: readonly { readonly fact: Fact; readonly at: number }[];
}

function play(asked: StartLimits, steps: readonly Step[]): Played {
  let now = NOW;
  let state = newRun();
  const facts: { fact: Fact; at: number }[] = [];
  const take = (decided: readonly Fact[]): void => {
    for (const fact of decided) facts.push({ fact, at: now });
    state = fold(decided, state, now);
  };
  const tell = (input: RunInput): void => {
    if (mayTell(state, input)) take(decide(state, input, now));
  };
  take([{ ...created, data: { ...created.data, limits: asked } } as Fact, ...begun.slice(1, 3)]);
  tell(proceed);
  for (const [index, { tokens, quarters, calls, afterMs, isAnswered, fails }] of steps.entries()) {
    now += afterMs;
    const usage: Usage = { totalTokens: tokens, costUsd: quarters / 4 };
    const ids = Array.from({ length: calls }, (_, call) => `${index}-${call}`);
    const failure = { kind: "network" as const, message: "no", retryAfterMs: null };
    tell(
      fails
        ? { kind: "step_failed", failure, jitter: 0 }
        : {
            kind: "step_finished",
            finishReason: "tool-calls",
            messages: [{ role: "assistant", content: "" }],
            usage,
            calls: ids.map((callId) => ({ callId, toolName: "ask", args: {}, invalid: null })),
          },
    );
    if (calls === 0 && !fails) tell({ kind: "message", message: { role: "user", content: "go on" } });
    tell(proceed);
    now += afterMs;
    const outcome = { kind: "completed" as const, result: "ok" };
    if (isAnswered)
      for (const callId of ids) tell({ kind: "tool_result", callId, outcome, source: "http", deviceId: null });
    tell(proceed);
  }
  return { state, facts };
}

/** What the facts before each one have used. */
function usedBefore({ facts }: Played) {
  let [steps, tokens, costUsd, toolCalls] = [0, 0, 0, 0];
  return facts.map(({ fact, at }) => {
    const before = { fact, steps, tokens, costUsd, toolCalls, wallTimeMs: at - NOW };
    if (fact.type === "step.completed") {
      steps += 1;
      tokens += Math.max(0, fact.data.usage.totalTokens ?? 0);
      costUsd += fact.data.usage.costUsd ?? 0;
    }
    if (fact.type === "tool.requested") toolCalls += 1;
    return before;
  });
}

const anyRun = (rule: (asked: StartLimits, steps: readonly Step[]) => boolean): unknown =>
  fc.check(
    fc.property(limits, fc.array(step, { maxLength: 12 }), (asked, steps) => rule(asked, steps)),
    { numRuns: 2000 },
  ).counterexample;

const INFINITE = Number.POSITIVE_INFINITY;

test("whatever a run does, no step begins and no call goes out beyond a limit: it is exceeded by one step at most", () => {
  const rule = (asked: StartLimits, steps: readonly Step[]): boolean =>
    usedBefore(play(asked, steps)).every(({ fact, ...used }) => {
      const isBegun =
        fact.type !== "step.started" ||
        (used.steps < (asked.maxSteps ?? INFINITE) &&
          used.tokens < (asked.tokens ?? INFINITE) &&
          used.costUsd < (asked.costUsd ?? INFINITE) &&
          used.wallTimeMs < (asked.wallTimeMs ?? INFINITE));
      const isSent = fact.type !== "tool.dispatched" || used.toolCalls <= (asked.toolCalls ?? INFINITE);
      return isBegun && isSent;
    });
  expect(anyRun(rule)).toBeNull();
});

test("whatever a run does, a narrower limit never lets it do more (monotone)", () => {
  const stepsOf = (asked: StartLimits, steps: readonly Step[]): number =>
    play(asked, steps).facts.filter(({ fact }) => fact.type === "step.started" || fact.type === "tool.dispatched")
      .length;
  const rule = (asked: StartLimits, steps: readonly Step[]): boolean => {
    const free = stepsOf({}, steps);
    const narrow = stepsOf(asked, steps);
    const narrower = stepsOf({ ...asked, tokens: Math.min(asked.tokens ?? 50, 10) }, steps);
    return narrower <= narrow && narrow <= free;
  };
  expect(anyRun(rule)).toBeNull();
});

test("whatever a run does, an end by a limit names a limit that was reached, and no call is left open", () => {
  const rule = (asked: StartLimits, steps: readonly Step[]): boolean => {
    const played = play(asked, steps);
    const last = usedBefore(played).at(-1);
    if (last?.fact.type !== "run.failed" || last.fact.data.error.code !== "limit_exceeded") return true;
    const { limit, max, used } = last.fact.data.error.data as unknown as {
      limit: Exclude<keyof StartLimits, "maxSteps" | "maxDepth">;
      max: number;
      used: number;
    };
    const isOpen = [...played.state.run.calls.values()].some(({ phase }) => phase.kind !== "settled");
    return !isOpen && asked[limit] === max && used === last[limit] && used >= max;
  };
  expect(anyRun(rule)).toBeNull();
});
