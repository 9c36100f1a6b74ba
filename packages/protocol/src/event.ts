import type { ToolTarget } from "./agent-config.ts";
import type { JsonValue } from "./json.ts";
import type { InputMessage, Message, UserMessage } from "./message.ts";
import type { PositionText } from "./position.ts";

/** Tokens spent. A count the provider did not tell is absent, and absent counts as zero in a sum. */
export interface Usage {
  readonly inputTokens?: number;
  readonly outputTokens?: number;
  readonly totalTokens?: number;
  readonly reasoningTokens?: number;
  readonly cachedInputTokens?: number;
}

/** A failure as clients and models are told it. */
export interface Failure {
  readonly code: string;
  readonly message: string;
}

/** Why the model stopped, as the AI SDK names it. */
export type FinishReason = "stop" | "length" | "content-filter" | "tool-calls" | "error" | "other";

/** Who answered a tool call. */
export type ResultSource = "device" | "http" | "server";

/** Why a step in progress was cut short. */
export type DiscardReason = "crash" | "error" | "handover" | "cancel";

/** What each fact carries. A fact is decided, durable before it is visible, and numbered. */
export interface FactData {
  "run.created": {
    agentId: string;
    versionId: string;
    threadId: string | null;
    /** Earlier turns the client gave with its input; what it says now follows as `message.user`. */
    earlier: InputMessage[];
    deviceKey: string | null;
    metadata: Record<string, JsonValue>;
  };
  /** `historyRunIds`: the ended runs of the thread whose messages this run sees, oldest first; fixed here. */
  "run.started": { epoch: number; historyRunIds: string[] };
  "run.recovered": { epoch: number };
  "run.resumed": { epoch: number };
  "run.waiting": { callIds: string[] };
  "run.retrying": { attempt: number; error: Failure; nextAt: string };
  "run.completed": { output: string; usage: Usage };
  "run.failed": { error: Failure; usage: Usage };
  "run.canceled": { reason: string | null; usage: Usage };
  "message.user": { message: UserMessage };
  "step.started": { step: number };
  "step.completed": { step: number; finishReason: FinishReason; messages: Message[]; usage: Usage };
  /** `partial`: on cancel, the text so far, which stays in the thread marked as partial. */
  "step.discarded": { step: number; reason: DiscardReason; partial?: string };
  "tool.requested": { callId: string; toolName: string; args: JsonValue; target: ToolTarget; step: number };
  "tool.awaiting_approval": { callId: string; expiresAt: string };
  "tool.approved": { callId: string; by: string };
  "tool.denied": { callId: string; toolName: string; reason: string | null };
  "tool.dispatched": { callId: string; attempt: number; deviceId?: string; deadline: string | null };
  "tool.completed": { callId: string; toolName: string; result: JsonValue; source: ResultSource; deviceId?: string };
  "tool.failed": { callId: string; toolName: string; error: Failure; source?: ResultSource; deviceId?: string };
  "tool.expired": { callId: string; toolName: string };
}

/** What each delta carries. A delta is a fragment of a step in progress, visible at once. */
export interface DeltaData {
  "text.start": { step: number; partId: string };
  "text.delta": { step: number; partId: string; text: string };
  "text.end": { step: number; partId: string };
  "reasoning.start": { step: number; partId: string };
  "reasoning.delta": { step: number; partId: string; text: string };
  "reasoning.end": { step: number; partId: string };
  "tool.input.start": { step: number; callId: string; toolName: string };
  "tool.input.delta": { step: number; callId: string; toolName: string; text: string };
  "tool.input.end": { step: number; callId: string; toolName: string };
}

export type FactType = keyof FactData;
export type DeltaType = keyof DeltaData;
export type EventType = FactType | DeltaType;

/** A fact before it has a position: what `decide` answers. */
export type Fact = { [T in FactType]: { readonly type: T; readonly data: FactData[T] } }[FactType];
/** A delta before it has a position. */
export type Delta = { [T in DeltaType]: { readonly type: T; readonly data: DeltaData[T] } }[DeltaType];

interface Placed {
  readonly id: PositionText;
  readonly runId: string;
  /** When it happened: ISO 8601, UTC, milliseconds. */
  readonly ts: string;
}

/** A fact on the wire; `prev` is the position of the event before it. */
export type FactEvent = { [T in FactType]: Placed & { prev: PositionText; type: T; data: FactData[T] } }[FactType];
/** A delta on the wire. */
export type DeltaEvent = { [T in DeltaType]: Placed & { type: T; data: DeltaData[T] } }[DeltaType];
/** Anything that has a position in a run. */
export type RunEvent = FactEvent | DeltaEvent;

/** Progress of a device's work: no position, delivered at most once to whoever watches, never kept. */
export interface ToolProgressEvent {
  readonly runId: string;
  readonly type: "tool.progress";
  readonly ts: string;
  readonly data: { callId: string; data: JsonValue };
}

/** The facts after which a run has no more events. */
export const TERMINAL_FACT_TYPES = [
  "run.completed",
  "run.failed",
  "run.canceled",
] as const satisfies readonly FactType[];

/** Whether this event is a run's last. */
export function isTerminalType(type: string): type is (typeof TERMINAL_FACT_TYPES)[number] {
  return (TERMINAL_FACT_TYPES as readonly string[]).includes(type);
}
