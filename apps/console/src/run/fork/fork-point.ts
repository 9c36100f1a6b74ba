/**
 * What a fork at a fact takes over, so that a person sees it before. The gateway has the last word about each of it. It
 * is pure.
 */
import type { FactEvent, JsonValue, Message } from "@hsafa/protocol";
import { positionOf } from "../record/run-record.ts";

/** A call up to the fact. */
export interface ForkedCall {
  readonly callId: string;
  readonly toolName: string;
  readonly args: JsonValue;
  /** How it had ended there; null: it had not. */
  readonly outcome: { readonly failed: boolean; readonly value: JsonValue } | null;
  /** Whether it can be executed again: what was said later would rest on the others. */
  readonly isOfLastStep: boolean;
}

/** A point from which a run can be forked. */
export interface ForkPoint {
  /** The last fact that counts. Within a step that was not over it is the one before that step. */
  readonly seq: number;
  /** The user's message there, which other words may replace; null: what is said then comes next. */
  readonly said: { readonly text: string; readonly hasFiles: boolean } | null;
  /** Whether the model has nothing to answer there unless something is said. */
  readonly mustSay: boolean;
  readonly calls: readonly ForkedCall[];
}

/** Returns the point at a fact. `facts`: those of the run, from the first one. */
export function forkPointAt(facts: readonly FactEvent[], wanted: number): ForkPoint {
  const before = facts.filter((fact) => positionOf(fact).seq <= wanted);
  const opened = before.findLastIndex(({ type }) => type.startsWith("step."));
  const kept = before[opened]?.type === "step.started" ? before.slice(0, opened) : before;
  const last = kept.at(-1);
  const stepAt = kept.findLastIndex(({ type }) => type === "step.completed" || type === "step.reused");
  const step = kept[stepAt];
  const saidAt = kept.findLastIndex(({ type }) => type === "message.user");
  const calls = callsIn(kept, facts, step);
  return {
    seq: last === undefined ? 0 : positionOf(last).seq,
    said: last?.type === "message.user" ? wordsOf(last.data.message) : null,
    mustSay: saidAt < stepAt ? isLastWord(step, calls) : saidAt < 0,
    calls,
  };
}

function isLastWord(step: FactEvent | undefined, calls: readonly ForkedCall[]): boolean {
  if (step?.type !== "step.completed" && step?.type !== "step.reused") return true;
  const goesOn = step.data.outputFault !== undefined || step.data.paused !== undefined;
  return !goesOn && !calls.some(({ isOfLastStep }) => isOfLastStep);
}

function callsIn(
  kept: readonly FactEvent[],
  facts: readonly FactEvent[],
  step: FactEvent | undefined,
): readonly ForkedCall[] {
  const number = step?.type === "step.completed" || step?.type === "step.reused" ? step.data.step : null;
  const calls = new Map<string, ForkedCall>();
  // What was committed with the last step belongs to it, and may stand after the fact.
  const later = facts.slice(kept.length).filter((fact) => fact.type === "tool.requested" && fact.data.step === number);
  for (const fact of [...kept, ...later]) {
    if (fact.type === "step.reused") {
      for (const { callId, toolName, args } of callsOf(fact.data.messages)) {
        const isOfLastStep = fact.data.step === number;
        calls.set(callId, { callId, toolName, args, outcome: null, isOfLastStep });
      }
    }
    if (fact.type === "tool.requested") {
      const { callId, toolName, args, step: of } = fact.data;
      calls.set(callId, { callId, toolName, args, outcome: null, isOfLastStep: of === number });
    }
    const ended = outcomeOf(fact);
    const call = ended === null ? undefined : calls.get(ended.callId);
    if (call !== undefined && ended !== null) calls.set(call.callId, { ...call, outcome: ended.outcome });
  }
  return [...calls.values()];
}

function outcomeOf(fact: FactEvent): { readonly callId: string; readonly outcome: ForkedCall["outcome"] } | null {
  switch (fact.type) {
    case "tool.completed":
      return { callId: fact.data.callId, outcome: { failed: false, value: fact.data.result } };
    case "tool.reused": {
      const { callId, error, result = null } = fact.data;
      if (error?.code === "not_repeated") return null;
      return { callId, outcome: error === undefined ? { failed: false, value: result } : failure(error.message) };
    }
    case "tool.failed":
      return { callId: fact.data.callId, outcome: failure(fact.data.error.message) };
    case "tool.expired":
      return { callId: fact.data.callId, outcome: failure(fact.data.error?.message ?? "expired") };
    case "tool.denied":
      return { callId: fact.data.callId, outcome: failure(fact.data.reason ?? "denied") };
    default:
      return null;
  }
}

function failure(message: string): ForkedCall["outcome"] {
  return { failed: true, value: message };
}

function callsOf(
  messages: readonly Message[],
): { readonly callId: string; readonly toolName: string; readonly args: JsonValue }[] {
  return messages
    .flatMap(({ content }) => (typeof content === "string" ? [] : [...content]))
    .flatMap((part) =>
      part.type === "tool-call" && part.providerExecuted !== true
        ? [{ callId: part.toolCallId, toolName: part.toolName, args: part.input }]
        : [],
    );
}

function wordsOf({ content }: Message): ForkPoint["said"] {
  if (typeof content === "string") return { text: content, hasFiles: false };
  const texts = content.flatMap((part) => (part.type === "text" ? [part.text] : []));
  return { text: texts.join("\n"), hasFiles: texts.length < content.length };
}
