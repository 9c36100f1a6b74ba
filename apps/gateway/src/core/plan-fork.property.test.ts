import type { Fact, Message } from "@hsafa/protocol";
import fc from "fast-check";
import { expect, test } from "vitest";
import { asked, created, fold, newRun, NOW, result } from "../../test/support/given.ts";
import { claimed, finished, proceed } from "../../test/support/given.ts";
import { decide, mayTell } from "./decide.ts";
import { effectsOf } from "./effects.ts";
import { parseFact } from "./event-record.ts";
import { firstFacts } from "./first-facts.ts";
import type { RunInput } from "./input.ts";
import { planFork } from "./plan-fork.ts";
import type { RunState } from "./run-state.ts";
import { conversationOf, transcriptOf } from "./transcript.ts";

/** What a holder is told in a run whose calls have fresh ids, as those of the model have. */
type Told = (call: number) => RunInput;
const told: fc.Arbitrary<Told> = fc.oneof(
  fc.constant<Told>((call) => finished([`c${call}`, "ask"], [`d${call}`, "fetch"])),
  fc.constant<Told>((call) => finished([`c${call}`, "no_such_tool"])),
  fc.constant<Told>(() => finished()),
  fc.nat(30).map<Told>((of) => () => result(`c${of}`, `of ${of}`)),
  fc.nat(30).map<Told>((of) => () => ({
    kind: "server_tool_finished",
    callId: `d${of}`,
    attempt: 1,
    outcome: { kind: "completed", result: of },
  })),
  fc.nat().map<Told>((word) => () => ({ kind: "message", message: { role: "user", content: `word ${word}` } })),
  fc.constant<Told>(() => claimed(true)),
  fc.constant<Told>(() => ({ kind: "handover" })),
  fc.constant<Told>(() => ({ kind: "cancel", reason: null, partial: "half" })),
);

function recordOf(inputs: readonly Told[]): readonly Fact[] {
  const facts: Fact[] = [created, asked("hi")];
  let state = fold(facts, newRun());
  const tell = (input: RunInput): void => {
    if (state.phase === "ended" || !mayTell(state, input)) return;
    const decided = decide(state, input, NOW);
    facts.push(...decided);
    state = fold(decided, state);
  };
  tell(claimed(false, 1));
  for (const [call, input] of inputs.entries()) {
    tell(input(call));
    tell(proceed);
  }
  return facts;
}

/** What every message says, and how each call was answered. The messages of one step may come in another order. */
const shown = (messages: readonly Message[]): unknown =>
  messages.map((message) =>
    message.role === "tool" ? message.content.toSorted((a, b) => a.toolCallId.localeCompare(b.toolCallId)) : message,
  );

const forkOf = (turns: readonly Fact[], says: boolean): RunState => {
  const ids = { agentId: "a", versionId: "v", threadId: null, deviceKey: null, metadata: {}, limits: undefined };
  const messages = says ? [{ role: "user" as const, content: "else" }] : [];
  const fork = { from: { runId: "r", position: "1-0" }, turns };
  return fold(firstFacts({ ...ids, earlier: [], messages, fork, now: NOW }).map(parseFact), newRun());
};

test("a fork at any fact of any run shows that conversation, answers each call of it once, and executes none", () => {
  fc.assert(
    fc.property(fc.array(told, { maxLength: 25 }), fc.nat(), fc.boolean(), (inputs, at, says) => {
      const facts = recordOf(inputs);
      const seq = 1 + (at % facts.length);
      const plan = planFork(facts, { seq, says, reruns: [] });
      if (plan.kind === "unfit") return;
      const replaces = says && facts[seq - 1]?.type === "message.user";
      const before = conversationOf(transcriptOf(facts.slice(0, replaces ? seq - 1 : seq)), []);
      const fork = forkOf(plan.turns, says);
      const own = conversationOf(fork.run.transcript, []);
      // What was answered there is answered alike.
      const answers = (messages: readonly Message[]) =>
        messages.flatMap((one) => (one.role === "tool" ? one.content : []));
      expect(
        shown(own.filter(({ role }) => role !== "tool").slice(0, before.filter(({ role }) => role !== "tool").length)),
      ).toEqual(shown(before.filter(({ role }) => role !== "tool")));
      expect(answers(own)).toEqual(expect.arrayContaining(answers(before)));
      // A provider wants one answer to each call.
      const requested = own.flatMap((one) =>
        one.role === "assistant" && typeof one.content !== "string"
          ? one.content.flatMap((part) => (part.type === "tool-call" ? [part.toolCallId] : []))
          : [],
      );
      expect(
        answers(own)
          .map(({ toolCallId }) => toolCallId)
          .toSorted(),
      ).toEqual(requested.toSorted());
      const begun = decide(fork, claimed(false, 1), NOW);
      expect(begun.map(({ type }) => type)).toEqual(["run.started"]);
      const next = decide(fold(begun, fork), proceed, NOW);
      expect(next.map(({ type }) => type)).toEqual(["step.started"]);
      expect(effectsOf(fold(next, fold(begun, fork)))).toMatchObject([{ kind: "call_model" }]);
    }),
  );
});

test("a call that is executed again is asked for once, and the others of its step are not", () => {
  fc.assert(
    fc.property(fc.array(told, { maxLength: 25 }), fc.nat(), fc.nat(), (inputs, at, pick) => {
      const facts = recordOf(inputs);
      const seq = 1 + (at % facts.length);
      const calls = facts.slice(0, seq).flatMap((fact) => (fact.type === "tool.requested" ? [fact.data.callId] : []));
      const callId = calls[pick % Math.max(1, calls.length)];
      if (callId === undefined) return;
      const plan = planFork(facts, { seq, says: false, reruns: [{ callId, newId: "new" }] });
      if (plan.kind === "unfit") return;
      const begun = decide(forkOf(plan.turns, false), claimed(false, 1), NOW);
      expect(begun.flatMap((fact) => ("callId" in fact.data ? [fact.data.callId] : []))).toEqual(["new"]);
      expect(JSON.stringify(plan.turns).split(`"${callId}"`)).toHaveLength(2);
    }),
  );
});
