/**
 * A run as steps that are compared: what was said to the model, what it said, what it called and what came back. It is
 * pure.
 */
import type { FactEvent, JsonValue, Message } from "@hsafa/protocol";
import { positionOf } from "../run/record/run-record.ts";

/** A call of a step. */
export interface ComparedCall {
  readonly callId: string;
  readonly toolName: string;
  readonly args: JsonValue;
  /** How it ended; null: it has not. `word`: such as `completed`. */
  readonly outcome: { readonly word: string; readonly value: JsonValue } | null;
}

/** A step of a run. */
export interface ComparedStep {
  readonly step: number;
  /** The fact that ended it, or began it if it has not ended. */
  readonly seq: number;
  /** What the user said since the step before. */
  readonly said: string;
  readonly reasoning: string;
  readonly text: string;
  readonly calls: readonly ComparedCall[];
  /** Whether it was taken over from the run that was forked. */
  readonly isReused: boolean;
  /** How long the model took, in ms; null: it is not known. */
  readonly tookMs: number | null;
}

/** Makes the steps of a run from its facts, from the first one. A step that was discarded is none. */
export function comparedSteps(facts: readonly FactEvent[]): ComparedStep[] {
  const steps: ComparedStep[] = [];
  const calls = new Map<string, { readonly step: number; readonly call: ComparedCall }>();
  let said: string[] = [];
  let startedAt: number | null = null;
  const add = (fact: FactEvent, step: number, messages: readonly Message[], isReused: boolean): void => {
    const tookMs = startedAt === null || isReused ? null : Date.parse(fact.ts) - startedAt;
    startedAt = null;
    const { seq } = positionOf(fact);
    const { text, reasoning } = wordsOf(messages);
    if (isReused) {
      for (const call of callsOf(messages)) calls.set(call.callId, { step: steps.length, call });
    }
    steps.push({ step, seq, said: said.join("\n\n"), text, reasoning, calls: [], isReused, tookMs });
    said = [];
  };
  for (const fact of facts) {
    switch (fact.type) {
      case "message.user":
        said.push(contentOf(fact.data.message));
        break;
      case "step.started":
        startedAt = Date.parse(fact.ts);
        break;
      case "step.completed":
        add(fact, fact.data.step, fact.data.messages, false);
        break;
      case "step.reused":
        add(fact, fact.data.step, fact.data.messages, true);
        break;
      case "tool.requested": {
        const { callId, toolName, args } = fact.data;
        calls.set(callId, { step: steps.length - 1, call: { callId, toolName, args, outcome: null } });
        break;
      }
      case "tool.reused": {
        const { error, result = null } = fact.data;
        settle(fact.data.callId, error === undefined ? "completed" : error.code, error?.message ?? result);
        break;
      }
      case "tool.completed":
        settle(fact.data.callId, "completed", fact.data.result);
        break;
      case "tool.failed":
        settle(fact.data.callId, fact.data.error.code, fact.data.error.message);
        break;
      case "tool.expired":
        settle(fact.data.callId, fact.data.error?.code ?? "expired", fact.data.error?.message ?? "");
        break;
      case "tool.denied":
        settle(fact.data.callId, "denied", fact.data.reason ?? "");
        break;
      default:
      // Other facts say nothing about what was said or called.
    }
  }
  const of = (index: number): ComparedCall[] =>
    [...calls.values()].filter(({ step }) => step === index).map(({ call }) => call);
  return steps.map((step, index) => ({ ...step, calls: of(index) }));

  function settle(callId: string, word: string, value: JsonValue): void {
    const known = calls.get(callId);
    if (known !== undefined) calls.set(callId, { ...known, call: { ...known.call, outcome: { word, value } } });
  }
}

function callsOf(messages: readonly Message[]): ComparedCall[] {
  return partsOf(messages).flatMap((part) =>
    part.type === "tool-call" && part.providerExecuted !== true
      ? [{ callId: part.toolCallId, toolName: part.toolName, args: part.input, outcome: null }]
      : [],
  );
}

function wordsOf(messages: readonly Message[]): { readonly text: string; readonly reasoning: string } {
  const words = (type: "text" | "reasoning"): string =>
    partsOf(messages)
      .flatMap((part) => (part.type === type ? [part.text] : []))
      .join("");
  const plain = messages.flatMap(({ content }) => (typeof content === "string" ? [content] : []));
  return { text: [...plain, words("text")].join(""), reasoning: words("reasoning") };
}

function contentOf({ content }: Message): string {
  if (typeof content === "string") return content;
  return content.map((part) => (part.type === "text" ? part.text : `[${part.type}]`)).join("\n");
}

function partsOf(messages: readonly Message[]) {
  return messages.flatMap(({ content }) => (typeof content === "string" ? [] : [...content]));
}
