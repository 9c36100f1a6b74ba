import { describe, expect, test } from "vitest";
import type { Fact } from "@hsafa/protocol";
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
} from "../../test/support/given.ts";
import { fold } from "../../test/support/given.ts";
import { decide } from "./decide.ts";
import { firstFacts } from "./first-facts.ts";
import type { RunInput } from "./input.ts";
import { parseFact } from "./event-record.ts";
import { planFork } from "./plan-fork.ts";
import type { RunState } from "./run-state.ts";
import { conversationOf } from "./transcript.ts";

/** Every fact of a run that is told these inputs. */
function recordOf(...inputs: RunInput[]): readonly Fact[] {
  const facts: Fact[] = [...begun];
  let state = fold(begun, newRun());
  for (const input of inputs) {
    const decided = decide(state, input, NOW);
    facts.push(...decided);
    state = fold(decided, state);
  }
  return facts;
}

const asks = [finished(["a", "ask"], ["b", "ask"]), proceed];
const seqOf = (facts: readonly Fact[], type: string, nth = 0): number =>
  facts.flatMap((fact, index) => (fact.type === type ? [index + 1] : []))[nth] ?? 0;
const plan = (facts: readonly Fact[], seq: number, more: Partial<Parameters<typeof planFork>[1]> = {}) =>
  planFork(facts, { seq, says: false, reruns: [], ...more });
const typesOf = (facts: readonly Fact[]): string[] => facts.map(({ type }) => type);

/** The fork as it is once its first facts are folded. */
function forkOf(planned: ReturnType<typeof planFork>, said: readonly string[] = []): RunState {
  if (planned.kind !== "fork") throw new Error(planned.fault.message);
  const messages = said.map((content) => ({ role: "user" as const, content }));
  const { earlier, turns } = planned;
  const fork = { from: { runId: "r", position: "1-0" }, turns };
  const ids = { agentId: "a", versionId: "v", threadId: null, deviceKey: null, metadata: {}, limits: undefined };
  return fold(firstFacts({ ...ids, earlier, messages, fork, now: NOW }).map(parseFact), newRun());
}

describe("what a fork takes over", () => {
  test("a result that was there is reused, and a call that was open is settled as not repeated", () => {
    const facts = recordOf(...asks, result("a", "seen"));
    const planned = plan(facts, facts.length);
    expect(planned).toMatchObject({
      kind: "fork",
      turns: [
        asked("hi"),
        { type: "step.reused", data: { step: 1, from: "5-0" } },
        { type: "tool.reused", data: { callId: "a", toolName: "ask", result: "seen" } },
        { type: "tool.reused", data: { callId: "b", toolName: "ask", error: { code: "not_repeated" } } },
      ],
    });
    const { types, state } = given([], forkOf(planned)).when(claimed(false), proceed);
    expect(types).toEqual(["step.started"]);
    expect(state).toMatchObject({ phase: "stepping", step: 2 });
    expect(state.run.calls.size).toBe(0);
  });

  test("the calls of a step belong to it, also at the positions within its commit", () => {
    const facts = recordOf(...asks);
    for (const type of ["step.completed", "tool.requested"]) {
      const planned = plan(facts, seqOf(facts, type));
      expect(planned.kind === "fork" && typesOf(planned.turns)).toEqual([
        "message.user",
        "step.reused",
        "tool.reused",
        "tool.reused",
      ]);
    }
  });

  test("a call that is to be executed again is asked for once the fork has begun, with its new id in the conversation", () => {
    const facts = recordOf(...asks, result("a"), result("b"));
    const planned = plan(facts, facts.length, { reruns: [{ callId: "b", newId: "b2" }] });
    const fork = given([], forkOf(planned)).when(claimed(false));
    expect(fork.facts).toMatchObject([
      { type: "run.started" },
      { type: "tool.requested", data: { callId: "b2", toolName: "ask", args: {}, target: "external", step: 1 } },
    ]);
    const waiting = fork.when(proceed);
    expect(waiting.types).toEqual(["tool.dispatched", "run.waiting"]);
    const shown = waiting.when(result("b2", "anew"), proceed).state.run.transcript;
    expect(conversationOf(shown, []).slice(1)).toMatchObject([
      { content: [{ type: "text" }, { toolCallId: "a" }, { toolCallId: "b2" }] },
      { role: "tool", content: [{ toolCallId: "a" }, { toolCallId: "b2", output: { value: "anew" } }] },
    ]);
  });

  test("a cancel that comes before a fork has begun ends it, and the call is not executed again", () => {
    const facts = recordOf(...asks, result("a"), result("b"));
    const fork = forkOf(plan(facts, facts.length, { reruns: [{ callId: "b", newId: "b2" }] }));
    const { types } = given([], fork).when(claimed(false), { kind: "cancel", reason: null, partial: undefined });
    expect(types).toEqual(["tool.failed", "run.canceled"]);
  });

  test("what the user says takes the place of their message at the position, or follows any other fact", () => {
    const facts = recordOf(...asks, { kind: "message", message: { role: "user", content: "and?" } });
    const said = seqOf(facts, "message.user", 1);
    const replaced = conversationOf(forkOf(plan(facts, said, { says: true }), ["or?"]).run.transcript, []);
    expect(replaced.map(({ role, content }) => [role, role === "user" ? content : "…"])).toEqual([
      ["user", "hi"],
      ["assistant", "…"],
      ["tool", "…"],
      ["user", "or?"],
    ]);
    const first = forkOf(plan(facts, 2, { says: true }), ["hello"]);
    expect(conversationOf(first.run.transcript, [])).toEqual([{ role: "user", content: "hello" }]);
    const followed = forkOf(plan(recordOf(finished(), proceed), 6, { says: true }), ["more"]);
    expect(conversationOf(followed.run.transcript, []).at(-1)).toEqual({ role: "user", content: "more" });
  });

  test("steps that were taken over count neither for maxSteps nor as accepted by the model", () => {
    const facts = recordOf(...asks, result("a"), result("b"));
    const fork = fold(
      [{ type: "run.started", data: { epoch: 1, historyRunIds: ["earlier"] } }],
      forkOf(plan(facts, facts.length)),
    );
    const limited = { ...fork, run: { ...fork.run, limits: { maxSteps: 1 } } } as RunState;
    expect(given([], limited).when(proceed).types).toEqual(["step.started"]);
    expect(given([], limited).when(proceed, finished(["c", "fetch"]), proceed).types).toEqual(["tool.dispatched"]);
    const refused: RunInput = {
      kind: "step_failed",
      failure: { kind: "bad_request", message: "no", retryAfterMs: null, refusesConversation: true },
      jitter: 0,
    };
    expect(given([], fork).when(proceed, refused).facts).toMatchObject([
      { data: { reason: "refused", history: "text" } },
    ]);
  });

  test("the text of a step that was canceled comes along as what it is", () => {
    const facts = recordOf({ kind: "cancel", reason: null, partial: "half a sen" });
    const { run } = forkOf(plan(facts, facts.length, { says: true }), ["go on"]);
    expect(run.transcript.map(({ kind }) => kind)).toEqual(["message", "partial", "message"]);
  });

  test("a fork of a fork takes over the whole conversation, at each of its facts", () => {
    const first = recordOf(...asks, result("a"), result("b"));
    const planned = plan(first, first.length);
    if (planned.kind !== "fork") throw new Error("it is one");
    const facts = [created, ...planned.turns];
    for (let seq = 3; seq <= facts.length; seq += 1) {
      const again = plan(facts, seq);
      expect(again.kind === "fork" && typesOf(again.turns)).toEqual(typesOf(planned.turns));
    }
  });

  test("a call that a fork has not asked for yet is not repeated by a fork of it, or executed again if that is wanted", () => {
    const first = recordOf(...asks, result("a"), result("b"));
    const planned = plan(first, first.length, { reruns: [{ callId: "b", newId: "b2" }] });
    if (planned.kind !== "fork") throw new Error("it is one");
    const facts = [created, ...planned.turns];
    for (let seq = 3; seq <= facts.length; seq += 1) {
      expect(plan(facts, seq)).toMatchObject({
        turns: [
          asked("hi"),
          { type: "step.reused" },
          { type: "tool.reused", data: { callId: "a" } },
          { type: "tool.reused", data: { callId: "b2", error: { code: "not_repeated" } } },
        ],
      });
      expect(plan(facts, seq, { reruns: [{ callId: "b2", newId: "b3" }] })).toMatchObject({
        reruns: [{ callId: "b3", of: "b2" }],
      });
    }
  });

  test("a call is not executed again if the model has said more since, even if that was cut short", () => {
    const facts = recordOf(...asks, result("a"), result("b"), proceed, {
      kind: "cancel",
      reason: null,
      partial: "half",
    });
    const planned = plan(facts, facts.length, { says: true, reruns: [{ callId: "b", newId: "b2" }] });
    expect(planned).toMatchObject({ kind: "unfit", fault: { path: "rerun.0" } });
  });

  test.each([
    ["inside a step", begun.length, {}, "position", /inside a step.*, 3-0,/],
    ["before anything was said", 1, {}, "position", /nothing to answer/],
    ["after the last word", 5, {}, "position", /nothing to answer/],
    ["with a call of nothing", 2, { reruns: [{ callId: "x", newId: "y" }] }, "rerun.0", /no call of the last step/],
  ])("a fork %s is refused", (_where, seq, more, path, message) => {
    const planned = plan(recordOf(finished(), proceed), seq, more);
    expect(planned).toMatchObject({ kind: "unfit", fault: { path } });
    expect(planned.kind === "unfit" && planned.fault.message).toMatch(message);
  });
});
