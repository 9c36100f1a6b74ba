import type { Failure, FinishReason, JsonValue, Message, ResultSource, Usage, UserMessage } from "@hsafa/protocol";

/**
 * Everything `decide` can be told. What comes from outside is stored in the run's inbox first (`OutsideInput`, JSON as
 * it stands here); the rest is what the holder of the lease learns by performing effects or by looking at the clock.
 */

/** What lies in a run's inbox. */
export type OutsideInput =
  | { readonly kind: "message"; readonly message: UserMessage }
  | {
      readonly kind: "tool_result";
      readonly callId: string;
      readonly outcome: ToolOutcome;
      readonly source: ResultSource;
      readonly deviceId: string | null;
    }
  | {
      readonly kind: "approval";
      readonly callId: string;
      readonly approved: boolean;
      readonly reason: string | null;
      /** Who decided: an API key's or a token's name for itself. */
      readonly by: string;
    }
  /** `partial` is never stored: the holder that cuts a step short adds the text so far. */
  | { readonly kind: "cancel"; readonly reason: string | null; readonly partial?: string }
  /**
   * The device that this attempt was sent to has lost it (it came back with another boot id), or is gone while another
   * could take a repeatable call. Ignored unless the call is still out under this very attempt.
   */
  | { readonly kind: "dispatch_lost"; readonly callId: string; readonly attempt: number };

export type ToolOutcome =
  | { readonly kind: "completed"; readonly result: JsonValue }
  | { readonly kind: "failed"; readonly error: Failure };

/** A tool call as the model asked for it. `invalid`: no such tool, or arguments that its schema refuses. */
export interface RequestedCall {
  readonly callId: string;
  readonly toolName: string;
  readonly args: JsonValue;
  readonly invalid: Failure | null;
}

/** Why a model call failed: which kinds are tried again is a rule of `core/retry.ts`. */
export type ModelFailureKind =
  | "rate_limited"
  | "overloaded"
  | "network"
  | "idle"
  | "unauthorized"
  | "bad_request"
  | "unknown_model"
  | "other";

export interface ModelFailure {
  readonly kind: ModelFailureKind;
  readonly message: string;
  /** What the provider asked us to wait, in milliseconds. */
  readonly retryAfterMs: number | null;
}

/**
 * What the store knows of a device call that is out: whether it was ever sent, and whether that device (same boot) is
 * connected now.
 */
export interface DispatchStatus {
  readonly sent: boolean;
  readonly connected: boolean;
}

export type RunInput =
  | OutsideInput
  /**
   * The lease is ours. `lost`: the holder before us did not hand it back. Nothing of a former holder is still going on.
   */
  | {
      readonly kind: "claimed";
      readonly epoch: number;
      readonly lost: boolean;
      /** Used only by the first claim, which fixes them. */
      readonly historyRunIds: readonly string[];
    }
  | {
      readonly kind: "step_finished";
      readonly finishReason: FinishReason;
      readonly messages: readonly Message[];
      readonly usage: Usage;
      readonly calls: readonly RequestedCall[];
    }
  /** `jitter` is a random number in [0, 1). */
  | { readonly kind: "step_failed"; readonly failure: ModelFailure; readonly jitter: number }
  | {
      readonly kind: "server_tool_finished";
      readonly callId: string;
      readonly attempt: number;
      readonly outcome: ToolOutcome;
    }
  /** The gateway is going away: close what is open so that another can go on. */
  | { readonly kind: "handover" }
  /**
   * Every input at hand is told: decide what follows by itself. Expires what is overdue at `now`, dispatches what may
   * go, then resumes, begins the next step, parks, or ends the run.
   */
  | {
      readonly kind: "proceed";
      readonly epoch: number;
      readonly deviceIds: Readonly<Record<string, string>>;
      readonly dispatches: Readonly<Record<string, DispatchStatus>>;
    };
