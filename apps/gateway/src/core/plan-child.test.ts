import {
  type Fact,
  INPUT_TEXT_CHARACTERS_MAX,
  OPEN_CHILDREN_MAX,
  RUN_DEPTH_MAX,
  type RunLimits,
} from "@hsafa/protocol";
import { describe, expect, test } from "vitest";
import { begun, created, finished, given, newRun, NOW, proceed, started } from "../../test/support/given.ts";
import { toldParent } from "./told-parent.ts";
import type { RunInput } from "./input.ts";
import { neededAgents } from "./needed-agents.ts";
import { childInput } from "./plan-child.ts";
import type { RunEnd } from "./run-state.ts";
import { withheldBelow } from "./withheld-below.ts";

const HOUR_MS = 3_600_000;
const tools = [
  { name: "research", server: { type: "agent" as const, agent: "researcher" }, timeoutMs: HOUR_MS },
  { name: "ask", inputSchema: { type: "object" }, target: "external" as const },
];
const agents = { researcher: { agentId: "b", versionId: "w", terms: {} } };
const going = { ...(proceed as Extract<RunInput, { kind: "proceed" }>), agents };
const parentOf = (limits: RunLimits = {}) => newRun({ tools, limits });
const asks = (...callIds: string[]): RunInput =>
  finished(...callIds.map((callId): [string, string] => [callId, "research"]));
/** What each call that was dispatched leaves its child, or why it was not. */
const shares = (facts: readonly Fact[]): unknown[] =>
  facts.flatMap((fact): unknown[] => {
    if (fact.type === "tool.dispatched") return [fact.data.child?.limits];
    return fact.type === "tool.failed" ? [fact.data.error.code] : [];
  });
type Withheld = Parameters<typeof toldParent>[0]["withheld"];
const childEnd = (callId: string, end: RunEnd, totalTokens = 5, withheld: Withheld = {}): RunInput => {
  const usage = { totalTokens };
  return toldParent({ parent: { runId: "r", callId }, childRunId: callId, end, usage, withheld }).input;
};
const failedEnd: RunEnd = { kind: "failed", error: { code: "x", message: "No." }, finishReason: null };
const done: RunEnd = { kind: "completed", output: "found", finishReason: "stop" };
const below = (agentIds: string[], depth = agentIds.length): readonly Fact[] => {
  const parent = { runId: "p", callId: "r", rootRunId: "p", depth, agentIds };
  return [{ type: "run.created", data: { ...(created.data as object), parent } } as Fact, ...begun.slice(1)];
};

describe("a call that another agent takes", () => {
  test("is dispatched with the child that bears its id, and the run parks until its deadline", () => {
    const run = given(begun, parentOf()).when(asks("c"), going);
    expect(run.types).toEqual(["tool.dispatched", "run.waiting"]);
    const child = { runId: "c", agentId: "b", versionId: "w" };
    const deadline = new Date(NOW + HOUR_MS).toISOString();
    expect(run.facts[0]?.data).toEqual({ callId: "c", attempt: 1, deadline, child });
  });

  test.each([
    ["of an agent that is not there", begun, {}, "unknown_agent"],
    ["of the run's own agent", begun, { researcher: { ...agents.researcher, agentId: "a" } }, "agent_cycle"],
    ["of an agent above the run", below(["b"]), agents, "agent_cycle"],
    ["deeper than runs may be", below(["x"], RUN_DEPTH_MAX), agents, "too_deep"],
  ])("%s fails, and nothing is started", (_what, facts, known, code) => {
    const run = given(facts, parentOf()).when(asks("c"), { ...going, agents: known });
    expect(run.types).toEqual(["tool.failed", "step.started"]);
    expect(shares(run.facts)).toEqual([code]);
  });

  test("of a name that every object has is of no agent", () => {
    const state = newRun({ tools: [{ name: "research", server: { type: "agent", agent: "constructor" } }] });
    expect(shares(given(begun, state).when(asks("c"), going).facts)).toEqual(["unknown_agent"]);
  });

  test("with more than a message may say fails as invalid_args", () => {
    const step = asks("c") as Extract<RunInput, { kind: "step_finished" }>;
    const calls = step.calls.map((call) => ({ ...call, args: { input: "x".repeat(INPUT_TEXT_CHARACTERS_MAX + 1) } }));
    expect(shares(given(begun, parentOf()).when({ ...step, calls }, going).facts)).toEqual(["invalid_args"]);
  });

  test("finds its agent when it is approved, in whichever round that is", () => {
    const state = newRun({
      tools: tools.map((tool) => (tool.name === "ask" ? tool : { ...tool, approval: "always" })),
    });
    const asked = given(begun, state).when(asks("c"), going);
    expect(asked.facts[0]).toMatchObject({ data: { recipient: { kind: "agent", agent: "researcher" } } });
    expect(neededAgents(asked.state, [])).toEqual(["researcher"]);
    const approved: RunInput = { kind: "approval", callId: "c", approved: true, reason: null, by: "ann" };
    expect(asked.when(approved, going).types).toEqual(["tool.dispatched"]);
  });
});

describe("what children are left", () => {
  test("is shared by the calls of one step, and never more than the limit", () => {
    const run = given(begun, parentOf({ tokens: 100, costUsd: 1, maxDepth: 3 })).when(asks("a", "b", "c"), going);
    const left = shares(run.facts) as { readonly tokens: number; readonly costUsd: number }[];
    expect(left.map(({ tokens }) => tokens)).toEqual([32, 32, 33]);
    expect(left.reduce((sum, { costUsd }) => sum + costUsd, 0)).toBeCloseTo(1, 6);
    expect(left).toMatchObject(Array.from({ length: 3 }, () => ({ maxDepth: 2 })));
  });

  test("counts what those have that are under way, also when their calls have expired", () => {
    const first = given(begun, parentOf({ tokens: 13 })).when(asks("a", "b"), going);
    const late = first.at(NOW + HOUR_MS).when(going);
    expect(late.types).toEqual(["tool.expired", "tool.expired", "run.resumed", "step.started"]);
    const second = late.when(asks("c"), going);
    // Its own steps have used 6 tokens of 13, and the two are left 5 each.
    expect(shares(second.facts)).toEqual(["limit_exceeded"]);
    const ended = late.when(asks("c"), childEnd("a", done, 1), going);
    expect(shares(ended.facts)).toEqual([{ tokens: 1 }]);
  });

  test("is no more than so many children at a time, whatever their calls have become", () => {
    const ids = Array.from({ length: OPEN_CHILDREN_MAX + 2 }, (_, nth) => `c${nth}`);
    const codes = shares(given(begun, parentOf()).when(asks(...ids), going).facts);
    expect(codes.filter((code) => code === "too_many_children")).toHaveLength(2);
  });
});

describe("the end of a child", () => {
  const waiting = given(begun, parentOf({ tokens: 100 })).when(asks("c"), going);

  test.each([
    ["completed", done, "tool.completed", { result: "found" }],
    ["failed", failedEnd, "tool.failed", { error: { code: "child_failed" } }],
    ["canceled", { kind: "canceled", reason: null }, "tool.failed", { error: { code: "child_canceled" } }],
    ["too long", { ...done, output: "x".repeat(300_000) }, "tool.failed", { error: { code: "result_too_large" } }],
  ] as const)("%s is told, counted and settles the call", (_what, end, type, data) => {
    const told = waiting.when(childEnd("c", end));
    expect(told.types).toEqual(["child.ended", type]);
    expect(told.facts[1]?.data).toMatchObject({ ...data, source: "agent" });
    expect(told.state.run).toMatchObject({ tokens: 8, childrenUsage: { totalTokens: 5 } });
    expect(told.state.run.openChildren.size).toBe(0);
  });

  test.each([
    ["left below it", { tokens: 40, costUsd: 0.5 }, { tokens: 40, costUsd: 0.5 }],
    ["had not used, if nobody can tell what it left below it", "unknown", { tokens: 92, costUsd: 0.99 }],
  ] as const)("withholds what it %s", (_what, withheld, data) => {
    const limited = given(begun, parentOf({ tokens: 100, costUsd: 0.99 })).when(asks("c"), going);
    const told = limited.when(childEnd("c", failedEnd, 5, withheld));
    expect(told.facts[0]?.data).toMatchObject({ childRunId: "c", usage: { totalTokens: 5 }, withheld: data });
    expect(told.state.run).toMatchObject({ tokens: 8 + data.tokens, childrenUsage: { totalTokens: 5 } });
    // What is below may go on still, so the runs above withhold it as well.
    expect(withheldBelow(told.state.run)).toEqual(data);
  });

  test("leaves the next child no more than is neither used nor withheld", () => {
    const limited = given(begun, parentOf({ tokens: 100, costUsd: 0.99 })).when(asks("c"), going);
    const told = limited.when(childEnd("c", failedEnd, 5, { tokens: 40, costUsd: 0.5 }), going);
    // The parent's own steps have used 6 tokens by then.
    expect(shares(told.when(asks("d"), going).facts)).toEqual([{ tokens: 100 - 6 - 5 - 40, costUsd: 0.49 }]);
  });

  test("that leaves all of it withheld is the end of its parent by the limit", () => {
    const limited = given(begun, parentOf({ tokens: 100 })).when(asks("c"), going);
    const told = limited.when(childEnd("c", failedEnd, 5, "unknown"), going);
    expect(told.facts.at(-1)).toMatchObject({ type: "run.failed", data: { error: { code: "limit_exceeded" } } });
  });

  test("that comes before the end of its own children withholds what these were left", () => {
    const limited = given(begun, parentOf({ tokens: 100 })).when(asks("a", "b"), going);
    expect(withheldBelow(limited.state.run)).toEqual({ tokens: 48 + 49 });
    expect(withheldBelow(limited.when(childEnd("a", done)).state.run)).toEqual({ tokens: 49 });
    expect(withheldBelow(limited.when(childEnd("a", done), childEnd("b", done)).state.run)).toEqual({});
  });

  test("with an object is that object", () => {
    const told = waiting.when(childEnd("c", { ...done, output: { lemons: 3 } }));
    expect(told.facts[1]?.data).toMatchObject({ result: { lemons: 3 } });
  });

  test("is told once: a repeat changes nothing, and counts nothing twice", () => {
    const told = waiting.when(childEnd("c", done), childEnd("c", done));
    expect(told.types).toEqual([]);
    expect(told.state.run.tokens).toBe(8);
  });

  test("after its call has expired counts what it spent, and settles nothing", () => {
    const late = waiting.at(NOW + HOUR_MS).when(going);
    expect(late.when(finished(), childEnd("c", done)).types).toEqual(["child.ended"]);
  });

  test("is not what somebody else says of the call", () => {
    const forged: RunInput = {
      kind: "tool_result",
      callId: "c",
      outcome: { kind: "completed", result: "forged" },
      source: "http",
      deviceId: null,
    };
    expect(waiting.when(forged).types).toEqual([]);
  });
});

test("what a child is told is the text, or the arguments as JSON", () => {
  expect(childInput({ input: "Find it." })).toBe("Find it.");
  expect(childInput({ input: "Find it.", deep: true })).toBe('{"input":"Find it.","deep":true}');
  expect(childInput({ input: 5 })).toBe('{"input":5}');
  expect(childInput(["a"])).toBe('["a"]');
});

test("a run that is claimed again leaves the call with its child", () => {
  const waiting = given([...begun.slice(0, 2), started, { type: "step.started", data: { step: 1 } }], parentOf()).when(
    asks("c"),
    going,
  );
  const again: RunInput = { kind: "claimed", epoch: 3, lost: true, historyRunIds: [] };
  expect(waiting.when(again).types).toEqual(["run.recovered"]);
});
