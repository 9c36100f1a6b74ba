import type { RunTool, StartLimits, ToolTarget } from "./agent-config.ts";
import type { ApprovalRecipient, Decider } from "./approval.ts";
import type { ParentRef, StartedChild, WithheldUse } from "./child.ts";
import type { ForkOrigin, RerunCall } from "./fork.ts";
import type { JsonObject, JsonValue } from "./json.ts";
import type { InputMessage, Message, UserMessage } from "./message.ts";
import type { PlaceText, PositionText } from "./position.ts";
import type { Citation, Source } from "./source.ts";

/** Tokens spent, and what they cost. A count that the provider did not give is absent, and counts as zero in a sum. */
export interface Usage {
  readonly inputTokens?: number;
  readonly outputTokens?: number;
  readonly totalTokens?: number;
  readonly reasoningTokens?: number;
  readonly cachedInputTokens?: number;
  /** US dollars, by the gateway's price table at that time. Absent if it has no price of the model. */
  readonly costUsd?: number;
}

/** What a run came to: the text of its last step, or the object that its `outputSchema` asks for. */
export type RunOutput = string | JsonObject;

/** A failure as clients and models read it. */
export interface Failure {
  /** A short word that programs compare. PROTOCOL.md lists those that hsafa gives itself. */
  readonly code: string;
  /** What went wrong, for people and models. */
  readonly message: string;
  /** What programs may want to know beside the code. PROTOCOL.md lists it by code. */
  readonly data?: JsonObject;
}

/** A piece of the conversation that the model was not shown in a step, and why. The record keeps it. */
export interface LeftOut {
  /**
   * `refused`: a provider refused it before. `unsupported`: the model takes no such file. `too_long`: the conversation
   * is longer than the model, or the agent's `history`, takes; or its files are too many bytes. `missing`: the file was
   * deleted.
   */
  readonly reason: "refused" | "unsupported" | "too_long" | "missing";
  /** What it was, for people: a message, a step, or a file with its media type. */
  readonly what: string;
  /** The run that it stands in. Absent for a file. */
  readonly runId?: string;
  /** The position of its fact. Absent for a file. */
  readonly position?: PositionText;
}

/** Why the model stopped, as the AI SDK names it. */
export type FinishReason = "stop" | "length" | "content-filter" | "tool-calls" | "error" | "other";

/** Why the model stopped, as the AI SDK names it: every reason. */
export const FINISH_REASONS = [
  "stop",
  "length",
  "content-filter",
  "tool-calls",
  "error",
  "other",
] as const satisfies readonly FinishReason[];

/** Whether an answer that ended for this reason is whole. Any other was cut, filtered, or ended for no known reason. */
export function isWholeAnswer(finishReason: FinishReason): boolean {
  return finishReason === "stop" || finishReason === "tool-calls";
}

/** Where a call's result may come from: a device's socket, an HTTP request, the gateway itself, or a child. */
export const RESULT_SOURCES = ["device", "http", "server", "agent"] as const;

/** Where a call's result came from. */
export type ResultSource = (typeof RESULT_SOURCES)[number];

/** Why a step in progress was cut short. */
export type DiscardReason = "crash" | "error" | "handover" | "cancel" | "refused" | "history";

/** What is shown of the earlier runs of the thread: everything, their text alone, or nothing. */
export type HistoryForm = "full" | "text" | "none";

/** What stands for the runs of a thread up to `throughRunId` in later requests. */
export interface ThreadSummary {
  readonly text: string;
  readonly throughRunId: string;
}

/** The `data` of each fact. A fact is decided, durable before it is visible, and numbered. Times are ISO 8601, UTC. */
export interface FactData {
  /** The first fact of every run. */
  "run.created": {
    readonly agentId: string;
    readonly versionId: string;
    readonly threadId: string | null;
    /** Earlier turns that the client gave with its input. What the user says now follows as `message.user`. */
    readonly earlier: InputMessage[];
    readonly deviceKey: string | null;
    readonly metadata: JsonObject;
    /** What the start narrowed, if anything. */
    readonly limits?: StartLimits;
    /** What the model is told after the agent's `system`. */
    readonly instructions?: string;
    /** The tools that the run has, instead of all of its agent's. */
    readonly tools?: (string | RunTool)[];
    /** The JSON Schema of the object with which the run ends, in place of its agent's. */
    readonly outputSchema?: JsonObject;
    /** The run that started this one, if it is a child. */
    readonly parent?: ParentRef;
    /** The fact of another run that this one goes on from. What it takes over follows, before `run.started`. */
    readonly forkedFrom?: ForkOrigin;
  };
  /** `historyRunIds`: the ended runs of the thread whose messages this run sees, oldest first. They never change. */
  "run.started": { readonly epoch: number; readonly historyRunIds: string[] };
  /** Another gateway has taken the run over, since its lease was lost. */
  "run.recovered": { readonly epoch: number };
  /** The run goes on after it waited for tool calls. */
  "run.resumed": { readonly epoch: number };
  /** The run waits for these calls, and no gateway holds it. */
  "run.waiting": { readonly callIds: string[] };
  /**
   * A model call failed. `attempt`: the one that failed, 1 for the first; `nextAt`: when the next one begins.
   * `loading`: the model is still loading, and the attempt does not count.
   */
  "run.retrying": {
    readonly attempt: number;
    readonly error: Failure;
    readonly nextAt: string;
    readonly loading?: true;
  };
  /**
   * Terminal. `output`: what the run came to, see `RunOutput`. `finishReason`: why it ended. Runs of older versions
   * have none.
   */
  "run.completed": { readonly output: RunOutput; readonly usage: Usage; readonly finishReason?: FinishReason };
  /** Terminal. `finishReason`: if the run failed because its answer is not whole. */
  "run.failed": { readonly error: Failure; readonly usage: Usage; readonly finishReason?: FinishReason };
  /** Terminal. `reason`: what the one who canceled said. */
  "run.canceled": { readonly reason: string | null; readonly usage: Usage };
  /** Terminal. `into`: the run that the messages of this one have entered, before this one had begun. */
  "run.merged": { readonly into: string };
  /**
   * The user said something: in the run's input, or while the run was in progress. `mergedRunId`: the run whose message
   * it was before.
   */
  "message.user": { readonly message: UserMessage; readonly mergedRunId?: string };
  /**
   * The model is asked. `step`: 1 for the first. Deltas of this step follow. `history`: the form of the earlier runs,
   * if a provider refused them as they are. `summarizesThrough`: the step summarises the thread up to this run, and is
   * no turn of the conversation. It has no deltas. `object`: the answer is to be an object, whose JSON is the text.
   */
  "step.started": {
    readonly step: number;
    readonly history?: HistoryForm;
    readonly summarizesThrough?: string;
    readonly object?: true;
  };
  /**
   * The model has answered. `messages`: what the step adds to the conversation. `leftOut`: what it was not shown.
   * `summary`: what a step that summarises came to. `estimatedInputTokens`: the gateway's estimate, to compare with
   * `usage`. `outputFault`: why the answer is not the object that the run is to end with. The model is told so, and is
   * asked again as long as the run may take another step for that. `sources`: where the model found what it says.
   * `citations`: which passage it found where. `paused`: its provider has paused a long turn of its own tools, and goes
   * on in the next step. `firstPartMs`: how long the model took until it said something.
   */
  "step.completed": {
    readonly step: number;
    readonly finishReason: FinishReason;
    readonly messages: Message[];
    readonly usage: Usage;
    readonly leftOut?: LeftOut[];
    readonly summary?: ThreadSummary;
    readonly estimatedInputTokens?: number;
    readonly outputFault?: string;
    readonly sources?: Source[];
    readonly citations?: Citation[];
    readonly paused?: true;
    readonly firstPartMs?: number;
  };
  /**
   * The step's deltas are void. `partial`: on a cancel, the text so far, which stays in the thread. `error`: why a step
   * failed after which the run goes on. `history`: the provider refused the conversation, and is asked again with this
   * form of the earlier runs. `contextTokensMax`: the conversation was too long, and is shown with so many
   * tokens at most from now on. `summarizesThrough`: the thread up to this run is summarised first.
   */
  "step.discarded": {
    readonly step: number;
    readonly reason: DiscardReason;
    readonly partial?: string;
    readonly error?: Failure;
    readonly history?: HistoryForm;
    readonly leftOut?: LeftOut[];
    readonly contextTokensMax?: number;
    readonly summarizesThrough?: string;
  };
  /**
   * A fork takes over a step of the run that it was forked from. Nothing of it is asked or paid again. `from`: the
   * position of the step there. `partial`: it was cut short there, and left this text. `outputFault`, `paused`: as
   * there. `reruns`: its calls that are executed again.
   */
  "step.reused": {
    readonly step: number;
    readonly from: PositionText;
    readonly messages: Message[];
    readonly partial?: true;
    readonly outputFault?: string;
    readonly paused?: true;
    readonly reruns?: RerunCall[];
  };
  /**
   * A fork takes over how a call of that step ended, and nobody executes it. It has a `result` or an `error`. The call
   * had no result at that point if the code of the error is `not_repeated`.
   */
  "tool.reused": {
    readonly callId: string;
    readonly toolName: string;
    readonly result?: JsonValue;
    readonly error?: Failure;
  };
  /** The model asked for a tool call. */
  "tool.requested": {
    readonly callId: string;
    readonly toolName: string;
    readonly args: JsonValue;
    readonly target: ToolTarget;
    readonly step: number;
  };
  /**
   * A person is asked. `expiresAt`: when the call expires without an approval. The other fields are those of
   * `ApprovedCall` and `CallApproval`. `groups`: if a group is needed. `selfApproval`: if who started the run may
   * decide. Records of earlier versions have `callId` and `expiresAt` alone.
   */
  "tool.awaiting_approval": {
    readonly callId: string;
    readonly expiresAt: string;
    readonly toolName?: string;
    readonly args?: JsonValue;
    readonly recipient?: ApprovalRecipient;
    readonly digest?: string;
    readonly groups?: string[];
    readonly selfApproval?: true;
  };
  /** `digest`: what was approved. */
  "tool.approved": Decider & { readonly callId: string; readonly digest?: string };
  /** `reason`: what the one who denied said. Records of earlier versions do not say who it was. */
  "tool.denied": Partial<Decider> & {
    readonly callId: string;
    readonly toolName: string;
    readonly reason: string | null;
    readonly digest?: string;
  };
  /**
   * The call is under way. `attempt`: 1 for the first; `deadline`: when the call expires, or `null` for never.
   * `sleeps`: the run sleeps, and wakes at the deadline. `child`: the run that takes the call.
   */
  "tool.dispatched": {
    readonly callId: string;
    readonly attempt: number;
    readonly deviceId?: string;
    readonly deadline: string | null;
    readonly sleeps?: true;
    readonly child?: StartedChild;
  };
  "tool.completed": {
    readonly callId: string;
    readonly toolName: string;
    readonly result: JsonValue;
    readonly source: ResultSource;
    readonly deviceId?: string;
  };
  "tool.failed": {
    readonly callId: string;
    readonly toolName: string;
    readonly error: Failure;
    readonly source?: ResultSource;
    readonly deviceId?: string;
  };
  /**
   * The deadline passed without a result, or without an approval. The code of `error` says what is known of the call:
   * `not_executed`, since it never left; or `outcome_unknown`, since it was given to its executor. Records of earlier
   * versions have no `error`, and say nothing of it.
   */
  "tool.expired": { readonly callId: string; readonly toolName: string; readonly error?: Failure };
  /**
   * A child has ended. `usage`: what it and its own children spent. `withheld`: what runs below it may still use, if it
   * ended before them. Its call is settled next, unless something else did that before.
   */
  "child.ended": {
    readonly callId: string;
    readonly childRunId: string;
    readonly status: "completed" | "failed" | "canceled";
    readonly usage: Usage;
    readonly withheld?: WithheldUse;
  };
}

/**
 * The `data` of each delta. A delta is a fragment of a step in progress, visible at once. `partId` names the part of
 * the step that the fragment belongs to; `text` is the fragment.
 */
export interface DeltaData {
  "text.start": { readonly step: number; readonly partId: string };
  "text.delta": { readonly step: number; readonly partId: string; readonly text: string };
  "text.end": { readonly step: number; readonly partId: string };
  "reasoning.start": { readonly step: number; readonly partId: string };
  "reasoning.delta": { readonly step: number; readonly partId: string; readonly text: string };
  "reasoning.end": { readonly step: number; readonly partId: string };
  "tool.input.start": { readonly step: number; readonly callId: string; readonly toolName: string };
  "tool.input.delta": {
    readonly step: number;
    readonly callId: string;
    readonly toolName: string;
    readonly text: string;
  };
  "tool.input.end": { readonly step: number; readonly callId: string; readonly toolName: string };
  /** The provider executes a tool of its own. */
  "provider.called": {
    readonly step: number;
    readonly callId: string;
    readonly toolName: string;
    readonly args: JsonValue;
  };
  /** It has a result, which stands in `step.completed`. */
  "provider.answered": {
    readonly step: number;
    readonly callId: string;
    readonly toolName: string;
    readonly failed?: true;
  };
  /** The model has found something, or says where it did. */
  "source.found": { readonly step: number; readonly source: Source };
}

/** The name of a fact: noun, then verb. */
export type FactType = keyof FactData;
/** The name of a delta. */
export type DeltaType = keyof DeltaData;
/** The name of an event that has a position. */
export type EventType = FactType | DeltaType;

/** A fact before it has a position. */
export type Fact = { [T in FactType]: { readonly type: T; readonly data: FactData[T] } }[FactType];
/** A delta before it has a position. */
export type Delta = { [T in DeltaType]: { readonly type: T; readonly data: DeltaData[T] } }[DeltaType];

interface Placed {
  /** The event's position, after which a stream can be resumed. */
  readonly id: PlaceText;
  readonly runId: string;
  /** When it happened: ISO 8601, UTC, milliseconds. */
  readonly ts: string;
}

/** A fact on the wire. `prev` is the position of the event before it. */
export type FactEvent = {
  [T in FactType]: Placed & { readonly prev: PlaceText; readonly type: T; readonly data: FactData[T] };
}[FactType];
/** A delta on the wire. */
export type DeltaEvent = { [T in DeltaType]: Placed & { readonly type: T; readonly data: DeltaData[T] } }[DeltaType];
/** Any event that has a position in a run. */
export type RunEvent = FactEvent | DeltaEvent;

/** Progress of a device's work. It has no position, reaches a watcher at most once, and is never kept. */
export interface ToolProgressEvent {
  readonly runId: string;
  readonly type: "tool.progress";
  /** When it happened: ISO 8601, UTC, milliseconds. */
  readonly ts: string;
  /** `data`: whatever the device reported. */
  readonly data: { readonly callId: string; readonly data: JsonValue };
}

/**
 * The position after which the stream was to begin is of a history that the store has lost. The run's events follow
 * from its first one. What was shown of the run is void. It has no position itself.
 */
export interface StreamRewoundEvent {
  readonly runId: string;
  readonly type: "stream.rewound";
  /** When it happened: ISO 8601, UTC, milliseconds. */
  readonly ts: string;
  /** `after`: the position that was given. */
  readonly data: { readonly after: string };
}

/** The facts after which a run has no more events: few, since every page that watches a run loads them. */
const ENDS_OF_RUN = [
  "run.completed",
  "run.failed",
  "run.canceled",
  "run.merged",
] as const satisfies readonly FactType[];

/** The name of a fact after which a run has no more events. */
export type TerminalFactType = (typeof ENDS_OF_RUN)[number];

/** Whether an event of this type is its run's last. Types that are not known are not. */
export function isTerminalType(type: string): type is TerminalFactType {
  return (ENDS_OF_RUN as readonly string[]).includes(type);
}
