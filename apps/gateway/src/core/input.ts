/**
 * Everything `decide` can be told. `OutsideInput` comes from outside; the holder of the lease learns the rest by
 * performing effects, or by looking at the clock.
 */
import type {
  Citation,
  FactData,
  Failure,
  FinishReason,
  JsonValue,
  LeftOut,
  Message,
  ResultSource,
  Source,
  ThreadSummary,
  Usage,
  UserMessage,
  WithheldUse,
} from "@hsafa/protocol";
import type { LimitTerms } from "./granted-limits.ts";

/** An input from outside. It is stored in the run's inbox, as JSON of this shape, before `decide` is told (R5). */
export type OutsideInput =
  | { readonly kind: "message"; readonly message: UserMessage }
  /**
   * The messages of another run of the thread, which waits for its turn. The run that takes them ends that one by the
   * same commit. `isGone`, which is never stored: that run waits no longer, so its messages are not for this one.
   */
  | {
      readonly kind: "steer";
      readonly runId: string;
      readonly messages: readonly UserMessage[];
      readonly isGone?: true;
    }
  | {
      readonly kind: "tool_result";
      readonly callId: string;
      readonly outcome: ToolOutcome;
      readonly source: ResultSource;
      readonly deviceId: string | null;
      /** Of a child that has ended: what it and its own children spent, and what those may still use. */
      readonly child?: EndedChild;
    }
  | {
      readonly kind: "approval";
      readonly callId: string;
      readonly approved: boolean;
      readonly reason: string | null;
      /** Who decided: an API key's or a token's name for itself. */
      readonly by: string;
      /** Gateways of an earlier version gave none of these. */
      readonly keyId?: string;
      readonly subject?: string;
      /** What was decided about (`core/call-approval.ts`). */
      readonly digest?: string;
    }
  /** `partial`, the text of the step that is cut short, is never stored: the holder adds it. */
  | { readonly kind: "cancel"; readonly reason: string | null; readonly partial?: string }
  /**
   * The device that this attempt was sent to has lost it: it came back with another boot id. Or it is gone, and another
   * device could take a repeatable call. Ignored unless the call is still dispatched under this very attempt.
   */
  | { readonly kind: "dispatch_lost"; readonly callId: string; readonly attempt: number };

/** How a child has ended. `withheld` is absent if nothing is. */
export interface EndedChild {
  readonly runId: string;
  readonly status: FactData["child.ended"]["status"];
  readonly usage: Usage;
  readonly withheld?: WithheldUse | "unknown";
}

export type ToolOutcome =
  | { readonly kind: "completed"; readonly result: JsonValue }
  | { readonly kind: "failed"; readonly error: Failure };

/**
 * How a tool on the server ended. `unknown`: the call may have taken effect, and its answer was lost. `reason` is a
 * sentence without its full stop.
 */
export type ServerToolOutcome = ToolOutcome | { readonly kind: "unknown"; readonly reason: string };

/**
 * How much of a call's arguments the model wrote. `nothing`: no text at all, which means no arguments if the answer is
 * whole. `partly`: the provider did not close the call.
 */
export type CallWritten = "nothing" | "partly" | "whole";

/** A tool call as the model asked for it. `invalid`: there is no such tool, or its schema refuses the arguments. */
export interface RequestedCall {
  readonly callId: string;
  readonly toolName: string;
  readonly args: JsonValue;
  readonly invalid: Failure | null;
}

/** The size of the conversation that a model was shown, in estimated tokens. `isLeast`: nothing can be left out. */
export interface SentConversation {
  readonly tokens: number;
  readonly isLeast: boolean;
}

/** Why a model call failed. `core/decide-retry.ts` says which kinds are tried again. */
export type ModelFailureKind =
  | "rate_limited"
  | "overloaded"
  | "network"
  | "idle"
  | "timeout"
  | "unauthorized"
  | "bad_request"
  | "bad_response"
  | "context_exceeded"
  | "unknown_model"
  /** The model was not asked: the tenant may use no more tokens today. */
  | "quota_exceeded"
  /** The model was not asked: the run has a limit on its cost, and the gateway has no price of the model. */
  | "price_unknown"
  | "other";

export interface ModelFailure {
  readonly kind: ModelFailureKind;
  readonly message: string;
  /** The `retry-after` of the provider, in ms; null: it sent none. */
  readonly retryAfterMs: number | null;
  /** The provider is there, and its model is not yet. It is waited for longer than the attempts at a step take. */
  readonly isLoading?: boolean;
  /** Whether it was the conversation that was refused. A wrong key or setting says nothing about the messages. */
  readonly refusesConversation?: boolean;
}

/** A device that is known under its key. */
export interface KnownDevice {
  readonly deviceId: string;
  /** The name of the key behind its owner; null: it was not registered since devices have owners. */
  readonly owner: string | null;
  /** Its owner, as `core/is-device-owner.ts` compares it; null: it was not registered since owners have ids. */
  readonly ownerId: string | null;
}

/** An agent that a tool names: the version that a child would take now, and what its config says of its runs. */
export interface KnownAgent {
  readonly agentId: string;
  readonly versionId: string;
  readonly terms: LimitTerms;
}

/**
 * What the store knows of a dispatched device call. `sent`: it was sent to a device. `connected`: that device is
 * connected now, in the same boot.
 */
export interface DispatchStatus {
  readonly sent: boolean;
  readonly connected: boolean;
}

export type RunInput =
  | OutsideInput
  /** The lease is ours, and no former holder is at work. `lost`: the former holder did not return its lease. */
  | {
      readonly kind: "claimed";
      readonly epoch: number;
      readonly lost: boolean;
      /** Only the first claim uses them: it fixes what the run sees of its thread. */
      readonly historyRunIds: readonly string[];
    }
  | {
      readonly kind: "step_finished";
      readonly finishReason: FinishReason;
      readonly messages: readonly Message[];
      readonly usage: Usage;
      readonly calls: readonly RequestedCall[];
      readonly leftOut?: readonly LeftOut[];
      readonly summary?: ThreadSummary;
      readonly sent?: SentConversation;
      /** Why the answer is not the object that the run is to end with. */
      readonly outputFault?: string;
      readonly sources?: readonly Source[];
      readonly citations?: readonly Citation[];
      readonly paused?: true;
      /** How long the model took until it said something, in ms. */
      readonly firstPartMs?: number;
    }
  /** `jitter` is a random number in [0, 1). */
  | {
      readonly kind: "step_failed";
      readonly failure: ModelFailure;
      readonly jitter: number;
      readonly leftOut?: readonly LeftOut[];
      readonly sent?: SentConversation;
    }
  /** The conversation is too long, and the thread up to this run is to be summarised before the step is asked. */
  | { readonly kind: "summary_due"; readonly throughRunId: string }
  | {
      readonly kind: "server_tool_finished";
      readonly callId: string;
      readonly attempt: number;
      readonly outcome: ServerToolOutcome;
    }
  /** The gateway is stopping: close what is open, so that another can go on. */
  | { readonly kind: "handover" }
  /** Every input at hand is told: decide what the run does by itself (`core/proceed.ts`). */
  | {
      readonly kind: "proceed";
      readonly epoch: number;
      /** Whether the record of the run takes no more (`core/record-size.ts`). */
      readonly isRecordFull: boolean;
      /** The agents that calls of this round may start as children, by name. */
      readonly agents: Readonly<Record<string, KnownAgent>>;
      readonly devices: Readonly<Record<string, KnownDevice>>;
      readonly dispatches: Readonly<Record<string, DispatchStatus>>;
    };
