import type { AgentConfig, Failure, JsonValue, Message, ToolConfig, ToolTarget, Usage, UserMessage } from "@hsafa/protocol";

/**
 * The state of a run: what folding its facts gives. `core/evolve.ts` is the only writer.
 *
 * A phase carries what it needs. The row's status is a function of the phase (`statusOf`): created and retrying are `queued`; ready,
 * stepping and acting are `running`; waiting is `waiting_tool`.
 */

/** Where a tool call of a step stands. */
export type CallPhase =
  | { readonly kind: "requested" }
  | { readonly kind: "awaiting_approval"; readonly expiresAt: number }
  | { readonly kind: "dispatched"; readonly attempt: number; readonly deadline: number | null }
  | { readonly kind: "settled"; readonly outcome: CallOutcome };

/** How a tool call ended, as the model will be told. */
export type CallOutcome =
  | { readonly kind: "completed"; readonly result: JsonValue }
  | { readonly kind: "failed"; readonly error: Failure }
  | { readonly kind: "expired" }
  | { readonly kind: "denied"; readonly reason: string | null };

/** A tool call of the current step. `tool` is null when the model asked for a tool that the agent does not have. */
export interface Call {
  readonly callId: string;
  readonly toolName: string;
  readonly args: JsonValue;
  readonly target: ToolTarget;
  readonly tool: ToolConfig | null;
  readonly step: number;
  readonly approved: boolean;
  readonly phase: CallPhase;
}

/** One finished step in the transcript: what the model said, and how each of its calls ended. */
export interface TranscriptStep {
  readonly kind: "step";
  readonly messages: readonly Message[];
  readonly calls: readonly Call[];
}

/** What the model will be shown of this run, in the order of the conversation. */
export type TranscriptEntry =
  | { readonly kind: "message"; readonly message: Message }
  | TranscriptStep
  /** The text of a step that a cancel cut short. */
  | { readonly kind: "partial"; readonly text: string };

/** What every phase has. */
export interface RunBody {
  readonly runId: string;
  readonly config: AgentConfig;
  /** The device that `select: "origin"` means. */
  readonly deviceKey: string | null;
  /** The seq of the last fact folded in; 0 before the first. */
  readonly seq: number;
  /** The ended runs of the thread whose messages this run sees, oldest first. */
  readonly historyRunIds: readonly string[];
  readonly transcript: readonly TranscriptEntry[];
  /** User messages that came while a step or its calls were open: they follow the step in the transcript. */
  readonly pendingMessages: readonly UserMessage[];
  /** Completed steps. */
  readonly steps: number;
  /** Failed attempts at the next step since the last completed one. */
  readonly failedAttempts: number;
  readonly usage: Usage;
  /** The text of the last completed step. */
  readonly output: string;
  /** The calls of the last completed step, by call id, in the model's order; empty once the next step has begun. */
  readonly calls: ReadonlyMap<string, Call>;
}

export type RunState =
  /** Nothing yet, or created and never claimed. */
  | { readonly phase: "created"; readonly run: RunBody }
  /** Between steps: the next one is due, or the end. */
  | { readonly phase: "ready"; readonly run: RunBody }
  /** A step is open: the model is (or was) being asked. `seq` is that of its `step.started`, under which its deltas hang. */
  | { readonly phase: "stepping"; readonly run: RunBody; readonly step: number; readonly seq: number }
  /** The lease is held while calls are open. */
  | { readonly phase: "acting"; readonly run: RunBody }
  /** Parked: every open call is out of the house. */
  | { readonly phase: "waiting"; readonly run: RunBody }
  /** The model failed; the next attempt is due at `nextAt`. */
  | { readonly phase: "retrying"; readonly run: RunBody; readonly nextAt: number }
  | { readonly phase: "ended"; readonly run: RunBody; readonly end: RunEnd };

export type RunEnd =
  | { readonly kind: "completed"; readonly output: string }
  | { readonly kind: "failed"; readonly error: Failure }
  | { readonly kind: "canceled"; readonly reason: string | null };
