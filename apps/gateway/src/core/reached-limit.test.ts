import type { AgentConfigInput, Fact, StartLimits } from "@hsafa/protocol";
import { describe, expect, test } from "vitest";
import {
  asked,
  begun,
  created,
  finished,
  given,
  newRun,
  NOW,
  proceed,
  result,
  started,
} from "../../test/support/given.ts";
import { nextDeadlineOf } from "./deadline.ts";
import { effectsOf } from "./effects.ts";
import type { RunInput } from "./input.ts";

const cost = (costUsd: number, ...calls: [string, string][]): RunInput => ({
  ...(finished(...calls) as Extract<RunInput, { kind: "step_finished" }>),
  usage: { inputTokens: 60, outputTokens: 40, costUsd },
});
const limited = (limits: AgentConfigInput["limits"]) => newRun(limits === undefined ? {} : { limits });
const narrowed = (limits: StartLimits): readonly Fact[] => {
  const narrow = { type: "run.created", data: { ...(created.data as object), limits } } as Fact;
  return [narrow, ...begun.slice(1)];
};
const endOf = (facts: readonly Fact[]): unknown => facts.at(-1)?.data;
const ended = (data: object) => ({ error: { code: "limit_exceeded", data } });

describe("what a start asks for", () => {
  test("a run takes the limits of its start from its first fact", () => {
    const run = given(narrowed({ maxSteps: 1 })).when(finished(["c", "look"]), proceed, result("c"), proceed);
    const data = { limit: "maxSteps", max: 1, used: 1 };
    expect(endOf(run.facts)).toMatchObject({ error: { code: "max_steps_reached", data } });
  });
});

describe("a run that has used what it may", () => {
  test.each([
    ["tokens", { tokens: 100 }, 100],
    ["costUsd", { costUsd: 0.5 }, 0.5],
  ] as const)("%s: no call of its last step goes out, and no other step begins", (limit, limits, used) => {
    const run = given(begun, limited(limits)).when(cost(0.5, ["a", "look"], ["b", "fetch"]), proceed);
    expect(run.types).toEqual(["tool.failed", "tool.failed", "run.failed"]);
    expect(run.facts[0]).toMatchObject({ data: { error: { code: "canceled" } } });
    expect(endOf(run.facts)).toMatchObject(ended({ limit, max: used, used }));
  });

  test("one less than the limit is not the limit", () => {
    const run = given(begun, limited({ tokens: 101, costUsd: 0.51 })).when(cost(0.5, ["a", "look"]), proceed);
    expect(run.types).toEqual(["tool.dispatched", "run.waiting"]);
  });

  test("an answer that reaches the limit is an answer all the same", () => {
    const run = given(begun, limited({ tokens: 1, costUsd: 0.1, toolCalls: 0 })).when(cost(5), proceed);
    expect(run.types).toEqual(["run.completed"]);
  });

  test("a step that asks for more calls than are left executes none of them", () => {
    const one = given(begun, limited({ toolCalls: 2 })).when(finished(["a", "ask"]), proceed, result("a"), proceed);
    expect(one.types).toEqual(["run.resumed", "step.started"]);
    const more = one.when(finished(["b", "ask"], ["c", "ask"]), proceed);
    expect(more.types).toEqual(["tool.failed", "tool.failed", "run.failed"]);
    expect(endOf(more.facts)).toMatchObject(ended({ limit: "toolCalls", max: 2, used: 3 }));
    const enough = one.when(finished(["b", "ask"]), proceed);
    expect(enough.types).toEqual(["tool.dispatched", "run.waiting"]);
  });

  test("a provider that reports nonsense gives no tokens back", () => {
    const step = finished(["a", "ask"]) as Extract<RunInput, { kind: "step_finished" }>;
    const used = given(begun, limited({ tokens: 100 })).when(
      { ...step, usage: { totalTokens: 99 } },
      proceed,
      result("a"),
      proceed,
      { ...step, usage: { totalTokens: -1000 } },
    );
    expect(used.state.run.tokens).toBe(99);
  });
});

describe("a run whose time is over", () => {
  const hour = 3_600_000;
  const timed = limited({ wallTimeMs: hour });
  const over = ended({ limit: "wallTimeMs", max: hour, used: hour });

  test("while its calls are out it wakes at that time, and settles them before its end", () => {
    const run = given(begun, timed).when(finished(["a", "ask"]), proceed);
    expect(effectsOf(run.state)).toEqual([{ kind: "wait", until: NOW + hour }]);
    expect(run.at(NOW + hour - 1).when(proceed).types).toEqual([]);
    const late = run.at(NOW + hour).when(proceed);
    expect(late.types).toEqual(["tool.failed", "run.failed"]);
    expect(endOf(late.facts)).toMatchObject(over);
  });

  test("the deadline of a call that comes sooner is still kept", () => {
    const run = given(begun, timed).when(finished(["a", "look"]), proceed);
    expect(effectsOf(run.state)).toEqual([{ kind: "wait", until: NOW + 1000 }]);
  });

  test("a step in progress is cut short", () => {
    const run = given(begun, timed);
    expect(nextDeadlineOf(run.state)).toBe(NOW + hour);
    const late = run.at(NOW + hour).when(proceed);
    expect(late.types).toEqual(["step.discarded", "run.failed"]);
    expect(endOf(late.facts)).toMatchObject(over);
  });

  test("a run that waits for its next attempt wakes no later", () => {
    const failed: RunInput = {
      kind: "step_failed",
      failure: { kind: "rate_limited", message: "no", retryAfterMs: 10 * 60_000 },
      jitter: 0,
    };
    const run = given(begun, limited({ wallTimeMs: 1000 })).when(failed);
    expect(effectsOf(run.state)).toEqual([{ kind: "wait", until: NOW + 1000 }]);
    expect(run.at(NOW + 1000).when(proceed).types).toEqual(["run.failed"]);
  });

  test("the time runs from the first start: the wait in the queue does not count", () => {
    const queued = given([created, asked("hi")], timed);
    expect(nextDeadlineOf(queued.state)).toBeNull();
    expect(
      given([created, asked("hi"), started], timed)
        .at(NOW + hour)
        .when(proceed).types,
    ).toEqual(["run.failed"]);
  });

  test("a step whose answer came in that very moment counts", () => {
    expect(
      given(begun, timed)
        .at(NOW + hour)
        .when(finished(), proceed).types,
    ).toEqual(["run.completed"]);
  });
});
