/**
 * The transcript of a run: its conversation, folded from its facts. A provider wants the result of every tool call
 * directly after the message that asked for it, whenever the results came. So calls and their outcomes belong to their
 * step, and a user's message that came meanwhile follows.
 */
import type { Fact, FactData, Failure, JsonValue, Message, ToolMessage, ToolResultOutput } from "@hsafa/protocol";
import { expiryError, NEVER_SENT } from "./expiry-error.ts";
import { repairRequest } from "./repair-request.ts";
import type { SettlingFact } from "./settling-fact.ts";
import { textsOf } from "./texts-of.ts";

/** One turn of the conversation. `seq`: the fact that it came with. */
export type TranscriptEntry =
  | { readonly kind: "message"; readonly seq: number; readonly message: Message }
  | {
      readonly kind: "step";
      readonly seq: number;
      readonly messages: readonly Message[];
      readonly calls: readonly TranscriptCall[];
      /** Why the answer is not the object that the run is to end with; absent: it is, or none is asked for. */
      readonly outputFault?: string;
      /** The provider goes on with the step's answer in the next one. */
      readonly paused?: true;
    }
  /** The text of a step that a cancel cut short. */
  | { readonly kind: "partial"; readonly seq: number; readonly text: string };

/** How a tool call ended, as the model is told. */
export type CallOutcome =
  | { readonly kind: "completed"; readonly result: JsonValue }
  | { readonly kind: "failed"; readonly error: Failure }
  | { readonly kind: "expired"; readonly error: Failure }
  | { readonly kind: "denied"; readonly reason: string | null };

/** A tool call of a step; `outcome`: null while it is open. */
export interface TranscriptCall {
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
      return [...transcript, stepEntry(fact.data, seq)];
    case "step.reused":
      return [
        ...transcript,
        fact.data.partial === true
          ? { kind: "partial", seq, text: textsOf(fact.data.messages).join("") }
          : // A fork asks for the calls that it executes again when it begins. Until then they are open calls of the step.
            stepEntry(fact.data, seq, (fact.data.reruns ?? []).map(openCall)),
      ];
    case "tool.reused": {
      const { callId, toolName } = fact.data;
      const reused = { callId, toolName, outcome: outcomeOf(fact) };
      const isOpen = ({ outcome }: TranscriptCall): boolean => outcome === null;
      // Those that are executed again are asked for later.
      return withLastStep(transcript, (calls) => [
        ...calls.filter((call) => !isOpen(call)),
        reused,
        ...calls.filter(isOpen),
      ]);
    }
    case "step.discarded":
      return fact.data.partial === undefined || fact.data.partial === ""
        ? transcript
        : [...transcript, { kind: "partial", seq, text: fact.data.partial }];
    case "tool.requested":
      return withLastStep(transcript, (calls) => [
        ...calls.filter(({ callId }) => callId !== fact.data.callId),
        openCall(fact.data),
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
    case "run.failed":
    case "run.canceled":
      // A run that ends settles its calls. One that is given up before it began has not asked for them.
      return withLastStep(transcript, (calls) =>
        calls.map((call) => (call.outcome === null ? { ...call, outcome: UNSENT } : call)),
      );
    // The model is told nothing of these.
    case "run.started":
    case "run.resumed":
    case "run.recovered":
    case "run.waiting":
    case "run.retrying":
    case "run.completed":
    case "run.merged":
    case "step.started":
    case "tool.awaiting_approval":
    case "tool.approved":
    case "tool.dispatched":
    case "child.ended":
      return transcript;
    default:
      return fact satisfies never;
  }
}

const UNSENT: CallOutcome = { kind: "failed", error: { code: "canceled", message: NEVER_SENT } };

function openCall({ callId, toolName }: Omit<TranscriptCall, "outcome">): TranscriptCall {
  return { callId, toolName, outcome: null };
}

function stepEntry(
  { messages, outputFault, paused }: FactData["step.completed" | "step.reused"],
  seq: number,
  calls: readonly TranscriptCall[] = [],
): TranscriptEntry {
  const unfinished = {
    ...(outputFault === undefined ? {} : { outputFault }),
    ...(paused === undefined ? {} : { paused }),
  };
  return { kind: "step", seq, messages, calls, ...unfinished };
}

/** How a fact that settles a call ends it, or says that it had ended. */
export function outcomeOf(fact: SettlingFact | Extract<Fact, { type: "tool.reused" }>): CallOutcome {
  switch (fact.type) {
    case "tool.reused": {
      const { result = null, error } = fact.data;
      return error === undefined ? { kind: "completed", result } : { kind: "failed", error };
    }
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
 * Whether the model has had its last word. The transcript then ends with a step that asked for no tool, whose answer
 * fits, and which its provider has not paused.
 */
export function isAnswered(transcript: readonly TranscriptEntry[]): boolean {
  const last = transcript.at(-1);
  return last?.kind === "step" && last.calls.length === 0 && last.outputFault === undefined && last.paused !== true;
}

/** Why the model's last word is not the object that the run is to end with; null: it is, or was not the last word. */
export function unfitAnswer(transcript: readonly TranscriptEntry[]): string | null {
  const last = transcript.at(-1);
  return (last?.kind === "step" ? last.outputFault : undefined) ?? null;
}

/** The messages that the model is shown: those of the thread's earlier runs, then this run's. */
export function conversationOf(transcript: readonly TranscriptEntry[], history: readonly Message[]): Message[] {
  return [...history, ...transcript.flatMap(messagesOf)];
}

/** The messages of one turn, as the run leaves them in its thread. A call that is still open has no result. */
export function threadEntriesOf(entry: TranscriptEntry): ThreadEntry[] {
  return messagesLeftBy(entry).map((message) => ({ seq: entry.seq, message, partial: entry.kind === "partial" }));
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

/** The messages of one turn that later runs of the thread see: an answer that had to be repaired is not among them. */
export function messagesLeftBy(entry: TranscriptEntry): Message[] {
  return entry.kind === "step" && entry.outputFault !== undefined ? [] : messagesOf(entry);
}

/** The messages of one turn, as its own run shows them to the model. */
function messagesOf(entry: TranscriptEntry): Message[] {
  switch (entry.kind) {
    case "message":
      return [entry.message];
    case "partial":
      return [{ role: "assistant", content: entry.text }];
    case "step":
      return [
        ...entry.messages,
        ...toolMessages(entry.calls),
        ...(entry.outputFault === undefined ? [] : [repairRequest(entry.outputFault)]),
      ];
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
