import type {
  ApprovalRecipient,
  Citation,
  Failure,
  FilePart,
  FinishReason,
  ForkOrigin,
  InputMessage,
  JsonValue,
  RunOutput,
  RunStatus,
  Source,
  ToolTarget,
  Usage,
} from "@hsafa/protocol";
import type { PartialJson } from "./partial-json.ts";

/**
 * Where a tool call is. `input`: the model is writing its arguments. `requested`: asked for, and not yet under way.
 * `running`: given to its executor. The others are final, but `approved`, after which it becomes `running`.
 */
export type ToolState =
  | "input"
  | "requested"
  | "awaiting_approval"
  | "approved"
  | "running"
  | "completed"
  | "failed"
  | "denied"
  | "expired";

/** What a person is asked before a call goes out. */
export interface ToolQuestion {
  /** Where the call goes, and nowhere else; `null` in records of earlier versions. */
  readonly recipient: ApprovalRecipient | null;
  /** To be sent with the decision, so that it counts for this very call; `null` in records of earlier versions. */
  readonly digest: string | null;
  /** The groups of which the decider must be in one; empty: none is needed. */
  readonly groups: readonly string[];
  /** Whether who started the run may decide. */
  readonly selfApproval: boolean;
}

/** A tool call, where the model asked for it. */
export interface ToolPart {
  readonly type: "tool";
  readonly callId: string;
  readonly toolName: string;
  readonly state: ToolState;
  /** The arguments as far as the model has written them. Empty once they are whole. */
  readonly inputText: string;
  /** The whole arguments; `null` until then. */
  readonly args: JsonValue;
  /** Where the call executes; `null` until it was requested. */
  readonly target: ToolTarget | null;
  /** What the device said last about its work; `null`: nothing. It is never kept. */
  readonly progress: JsonValue;
  readonly result: JsonValue;
  readonly error: Failure | null;
  /** The run that takes the call as a child; `null`: none does. */
  readonly childRunId: string | null;
  /** How that one ended; `null` until it has. */
  readonly childStatus: RunStatus | null;
  /** When the call expires: without an approval, or without a result. ISO 8601; `null`: never, or it is settled. */
  readonly expiresAt: string | null;
  /** What a person was asked; `null`: nothing. */
  readonly question: ToolQuestion | null;
  /** Who approved or denied it; `null`: nobody did, or the record does not say. */
  readonly decidedBy: string | null;
  /** Why it was denied, in the words of the one who did. */
  readonly reason: string | null;
  /** Whether the outcome is that of the run from which this one was forked. Then nobody has executed it here. */
  readonly isReused: boolean;
}

/** A text of the model. `partId` is `null` once its step has completed. */
export interface TextViewPart {
  readonly type: "text" | "reasoning";
  readonly partId: string | null;
  readonly text: string;
}

/** A call that the model's provider executes itself. No device and no person is asked. */
export interface ProviderToolPart {
  readonly type: "provider-tool";
  readonly callId: string;
  readonly toolName: string;
  readonly args: JsonValue;
  readonly state: "running" | "completed" | "failed";
  /** Its result, or what went wrong; `null` until its step has completed. */
  readonly result: JsonValue;
}

/** A piece of what the model said. */
export type ViewPart = TextViewPart | ToolPart | ProviderToolPart | FilePart;

/** What the user said. */
export interface UserViewMessage {
  readonly role: "user";
  /** The position of its fact. For an earlier turn that the client gave: that, and its number. */
  readonly id: string;
  readonly content: Extract<InputMessage, { role: "user" }>["content"];
  /** The run that it came with, and which it has left to enter this one. */
  readonly mergedRunId?: string;
  /** Set if it was said in a thread that this one goes on from. */
  readonly isInherited?: true;
}

/**
 * What the model said in one step, or an earlier turn. `streaming`: more comes. `cut`: the step was canceled, and its
 * text stays in the thread.
 */
export interface AssistantViewMessage {
  readonly role: "assistant";
  /** The position of the fact that began the step. For an earlier turn: that of the run's first fact, and a number. */
  readonly id: string;
  readonly state: "streaming" | "complete" | "cut";
  readonly parts: readonly ViewPart[];
  /** Where the model found what it says. */
  readonly sources: readonly Source[];
  /** Which passage it found where: `text` counts the parts of type `text`. Left out if the provider tells none. */
  readonly citations?: readonly Citation[];
  /** Why the model stopped; `null` until it has, and for an earlier turn. */
  readonly finishReason: FinishReason | null;
  /** Set if it was said in a thread that this one goes on from. */
  readonly isInherited?: true;
}

/** A message of the conversation. */
export type ViewMessage = UserViewMessage | AssistantViewMessage;

/** A model call that failed and is made again. */
export interface ViewRetry {
  /** The attempt that failed; 1 for the first. */
  readonly attempt: number;
  readonly error: Failure;
  /** When the next attempt begins: ISO 8601. */
  readonly nextAt: string;
}

/** A run as a user interface shows it. */
export interface RunView {
  /** `null` before the first event. */
  readonly runId: string | null;
  readonly status: RunStatus;
  /** The fact of another run that this one goes on from; `null`: it is no fork. */
  readonly forkedFrom: ForkOrigin | null;
  /** The `id` of the last event that has one, from which a stream resumes; `null` before the first. */
  readonly position: string | null;
  readonly messages: readonly ViewMessage[];
  /** The calls that the run waits for. Empty unless its status is `waiting_tool`. */
  readonly waitingFor: readonly string[];
  /** Set while a failed model call waits for its next attempt. */
  readonly retry: ViewRetry | null;
  /** Set once the run has completed: the text of its last step, or the object that its `outputSchema` asks for. */
  readonly output: RunOutput | null;
  /** Set while the model writes an object as its answer. `value` is the object as far as it is written. */
  readonly partialOutput: PartialJson | null;
  /** Set once the run has failed. */
  readonly error: Failure | null;
  /** Set once the run was canceled with a reason. */
  readonly cancelReason: string | null;
  /** Set once its message has entered another run: that run. */
  readonly mergedInto: string | null;
  /** The tokens spent. Set once the run has ended. */
  readonly usage: Usage | null;
}

/** The view of a run of which no event has come. */
export const EMPTY_RUN_VIEW: RunView = {
  runId: null,
  status: "queued",
  forkedFrom: null,
  position: null,
  messages: [],
  waitingFor: [],
  retry: null,
  output: null,
  partialOutput: null,
  error: null,
  cancelReason: null,
  mergedInto: null,
  usage: null,
};

/** Whether the run has ended, so that no more events come. */
export function hasEnded(view: RunView): boolean {
  return view.usage !== null;
}
