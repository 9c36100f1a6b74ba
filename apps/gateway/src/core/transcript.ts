/**
 * The transcript of a run: its conversation, folded from its facts. A provider wants the result of every tool call
 * directly after the message that asked for it, whenever the results came. So calls and their outcomes belong to their
 * step, and a user's message that came meanwhile follows.
 */
import type { Fact, Failure, JsonValue, Message, ToolMessage, ToolResultOutput } from "@hsafa/protocol";
import { expiryError } from "./expiry-error.ts";
import type { SettlingFact } from "./settling-fact.ts";

/** One turn of the conversation. `seq`: the fact that it came with. */
export type TranscriptEntry =
  | { readonly kind: "message"; readonly seq: number; readonly message: Message }
  | {
      readonly kind: "step";
      readonly seq: number;
      readonly messages: readonly Message[];
      readonly calls: readonly TranscriptCall[];
    }
  /** The text of a step that a cancel cut short. */
  | { readonly kind: "partial"; readonly seq: number; readonly text: string };

/** How a tool call ended, as the model is told. */
export type CallOutcome =
  | { readonly kind: "completed"; readonly result: JsonValue }
  | { readonly kind: "failed"; readonly error: Failure }
  | { readonly kind: "expired"; readonly error: Failure }
  | { readonly kind: "denied"; readonly reason: string | null };

interface TranscriptCall {
  readonly callId: string;
  readonly toolName: string;
  readonly outcome: CallOutcome | null;
}

/** A message that a run leaves in its thread; `partial`: cut short by a cancel. `seq`: that of its turn. */
export interface ThreadEntry {
  readonly seq: number;
  readonly message: Message;
  readonly partial: boolean;
}

/** The transcript after one more fact, whose seq this is. */
export function extendTranscript(
  transcript: readonly TranscriptEntry[],
  fact: Fact,
  seq: number,
): readonly TranscriptEntry[] {
  switch (fact.type) {
    case "run.created":
      return [...transcript, ...fact.data.earlier.map((message) => ({ kind: "message", seq, message }) as const)];
    case "message.user":
      return [...transcript, { kind: "message", seq, message: fact.data.message }];
    case "step.completed":
      // A summary is no turn.
      if (fact.data.summary !== undefined) return transcript;
      return [...transcript, { kind: "step", seq, messages: fact.data.messages, calls: [] }];
    case "step.discarded":
      return fact.data.partial === undefined || fact.data.partial === ""
        ? transcript
        : [...transcript, { kind: "partial", seq, text: fact.data.partial }];
    case "tool.requested":
      return withLastStep(transcript, (calls) => [
        ...calls,
        { callId: fact.data.callId, toolName: fact.data.toolName, outcome: null },
      ]);
    case "tool.completed":
    case "tool.failed":
    case "tool.expired":
    case "tool.denied": {
      const outcome = outcomeOf(fact);
      return withLastStep(transcript, (calls) =>
        calls.map((call) => (call.callId === fact.data.callId ? { ...call, outcome } : call)),
      );
    }
    // The model is told nothing of these.
    case "run.started":
    case "run.resumed":
    case "run.recovered":
    case "run.waiting":
    case "run.retrying":
    case "run.completed":
    case "run.failed":
    case "run.canceled":
    case "run.merged":
    case "step.started":
    case "tool.awaiting_approval":
    case "tool.approved":
    case "tool.dispatched":
      return transcript;
    default:
      return fact satisfies never;
  }
}

/** How a fact that settles a call ends it. */
export function outcomeOf(fact: SettlingFact): CallOutcome {
  switch (fact.type) {
    case "tool.completed":
      return { kind: "completed", result: fact.data.result };
    case "tool.failed":
      return { kind: "failed", error: fact.data.error };
    case "tool.expired":
      return { kind: "expired", error: expiryError(fact.data) };
    case "tool.denied":
      return { kind: "denied", reason: fact.data.reason };
    default:
      return fact satisfies never;
  }
}

function withLastStep(
  transcript: readonly TranscriptEntry[],
  change: (calls: readonly TranscriptCall[]) => readonly TranscriptCall[],
): readonly TranscriptEntry[] {
  const index = transcript.findLastIndex((entry) => entry.kind === "step");
  return transcript.map((entry, at) =>
    at === index && entry.kind === "step" ? { ...entry, calls: change(entry.calls) } : entry,
  );
}

/**
 * Whether the model has had its last word: the transcript ends with a step that asked for no tool, and no message came
 * after it.
 */
export function isAnswered(transcript: readonly TranscriptEntry[]): boolean {
  const last = transcript.at(-1);
  return last?.kind === "step" && last.calls.length === 0;
}

/** The messages that the model is shown: those of the thread's earlier runs, then this run's. */
export function conversationOf(transcript: readonly TranscriptEntry[], history: readonly Message[]): Message[] {
  return [...history, ...transcript.flatMap(messagesOf)];
}

/** The messages of one turn, as the run leaves them in its thread. A call that is still open has no result. */
export function threadEntriesOf(entry: TranscriptEntry): ThreadEntry[] {
  return messagesOf(entry).map((message) => ({ seq: entry.seq, message, partial: entry.kind === "partial" }));
}

/** The turns at the beginning of a transcript that no further fact changes: those before the last step. */
export function finalEntries(transcript: readonly TranscriptEntry[]): readonly TranscriptEntry[] {
  const lastStep = transcript.findLastIndex((entry) => entry.kind === "step");
  return lastStep === -1 ? transcript : transcript.slice(0, lastStep);
}

/** The transcript of a run, from all its facts. */
export function transcriptOf(facts: readonly Fact[]): readonly TranscriptEntry[] {
  return facts.reduce<readonly TranscriptEntry[]>((transcript, fact, index) => {
    // R2: the facts of a run count from 1.
    return extendTranscript(transcript, fact, index + 1);
  }, []);
}

/** The messages of one turn. */
export function messagesOf(entry: TranscriptEntry): Message[] {
  switch (entry.kind) {
    case "message":
      return [entry.message];
    case "partial":
      return [{ role: "assistant", content: entry.text }];
    case "step":
      return [...entry.messages, ...toolMessages(entry.calls)];
    default:
      return entry satisfies never;
  }
}

function toolMessages(calls: readonly TranscriptCall[]): ToolMessage[] {
  const content = calls.flatMap(({ callId, toolName, outcome }) =>
    outcome === null ? [] : [{ type: "tool-result" as const, toolCallId: callId, toolName, output: outputOf(outcome) }],
  );
  return content.length === 0 ? [] : [{ role: "tool", content }];
}

function outputOf(outcome: CallOutcome): ToolResultOutput {
  switch (outcome.kind) {
    case "completed":
      return typeof outcome.result === "string"
        ? { type: "text", value: outcome.result }
        : { type: "json", value: outcome.result };
    case "failed":
    case "expired":
      return { type: "error-text", value: `${outcome.error.code}: ${outcome.error.message}` };
    case "denied":
      return {
        type: "error-text",
        value: outcome.reason === null ? "denied: a person refused this call." : `denied: ${outcome.reason}`,
      };
    default:
      return outcome satisfies never;
  }
}
