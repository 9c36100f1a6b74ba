/**
 * The state of a run: the result of folding its facts. `core/evolve.ts` alone makes it.
 *
 * A phase carries what it needs. The row's status is a function of the phase (`statusOf`): created and retrying are
 * `queued`; ready, stepping and acting are `running`; waiting is `waiting_tool`.
 */
import type {
  AgentConfig,
  CallApproval,
  Failure,
  FinishReason,
  GrantedLimits,
  HistoryForm,
  JsonValue,
  ParentRef,
  RerunCall,
  ResultSource,
  RunOutput,
  RunStatus,
  StartLimits,
  ThreadSummary,
  ToolConfig,
  ToolTarget,
  Usage,
  WithheldUse,
} from "@hsafa/protocol";
import type { ShownContext } from "./context-budget.ts";
import type { CallOutcome, TranscriptEntry } from "./transcript.ts";

/** One dispatch of a call: which attempt, since when, until when (null: as long as it takes). Times in ms. */
export interface Dispatch {
  readonly attempt: number;
  readonly at: number;
  readonly deadline: number | null;
}

/** Where a tool call of a step stands. */
export type CallPhase =
  /** The model asked for it. It is to be dispatched, or shown to a person for approval first. */
  | { readonly kind: "requested"; readonly approved: boolean }
  | { readonly kind: "awaiting_approval"; readonly expiresAt: number }
  | { readonly kind: "dispatched"; readonly dispatch: Dispatch }
  | {
      readonly kind: "settled";
      readonly dispatch: Dispatch | null;
      readonly outcome: CallOutcome;
      readonly at: number;
      readonly source: ResultSource | null;
      readonly deviceId: string | null;
    };

/** A tool call of the last completed step. `tool` is null if the agent has no tool of that name. */
export interface Call {
  readonly callId: string;
  readonly toolName: string;
  readonly args: JsonValue;
  readonly target: ToolTarget;
  readonly tool: ToolConfig | null;
  readonly step: number;
  readonly requestedAt: number;
  readonly phase: CallPhase;
  /** What a person was asked, and what they decided; null: nobody was asked. */
  readonly approval: CallApproval | null;
}

/** A child that has not ended: the call that it takes, and what it was left to use. */
export interface OpenChild {
  readonly callId: string;
  readonly limits: StartLimits;
}

/** What every phase has. */
export interface RunBody {
  readonly runId: string;
  readonly config: AgentConfig;
  /** The device that `select: "origin"` means. */
  readonly deviceKey: string | null;
  /** The seq of the last fact folded in; 0 before the first. */
  readonly seq: number;
  /** The agent and its version; null before the first fact. */
  readonly agentId: string | null;
  readonly versionId: string | null;
  /** The run that started this one; null: a client did. */
  readonly parent: ParentRef | null;
  /** Its children that have not ended, by run id. One stays here although its call was settled. */
  readonly openChildren: ReadonlyMap<string, OpenChild>;
  /** What its children that have ended spent, with theirs. */
  readonly childrenUsage: Usage;
  /** What runs below those may still use, since they had not ended. */
  readonly withheld: WithheldUse;
  /** The ended runs of the thread whose messages this run sees, oldest first. */
  readonly historyRunIds: readonly string[];
  /** What the model is shown of those runs. It becomes less when a provider refuses them. */
  readonly historyForm: HistoryForm;
  /** What this run has learnt of how much its model takes. */
  readonly shownContext: ShownContext;
  /** How often the present step was refused because the conversation was too long. */
  readonly contextTries: number;
  /** What stands for the older runs of the thread, if this run has summarised them. */
  readonly summary: ThreadSummary | null;
  /** The run up to which the thread is to be summarised before the next step; null: no summary is due. */
  readonly summaryDue: string | null;
  /** Why this run has no summary although one was due. It does not try again. */
  readonly summaryFailure: string | null;
  /** Completed steps that summarised. They do not count for `maxSteps`. */
  readonly summarySteps: number;
  /** Steps that a fork has taken over. They do not count for `maxSteps` either. */
  readonly reusedSteps: number;
  /** The calls that a fork executes again once it has begun: those of the last step that it has taken over. */
  readonly reruns: readonly RerunCall[];
  readonly transcript: readonly TranscriptEntry[];
  /** Completed steps. */
  readonly steps: number;
  /** Failed attempts at the next step since the last completed one. */
  readonly failedAttempts: number;
  /** Of these, the attempts at a model that was still loading; and when the first of them was told, in ms. */
  readonly loadingAttempts: number;
  readonly loadingSince: number | null;
  readonly usage: Usage;
  /** What the run may use. */
  readonly limits: GrantedLimits;
  /** Tokens of its completed steps, of its children, and withheld. It never falls, whatever a provider reports. */
  readonly tokens: number;
  /** Tool calls that its model has asked for. */
  readonly toolCalls: number;
  /** What the last completed step came to, and why the model ended it; null before the first. */
  readonly output: RunOutput;
  readonly finishReason: FinishReason | null;
  /** How many answers of the run were not the object that it is to end with. */
  readonly outputFaults: number;
  /** The calls of the last completed step, by call id, in the model's order. */
  readonly calls: ReadonlyMap<string, Call>;
  readonly startedAt: number | null;
  readonly endedAt: number | null;
}

export type RunState =
  /** Not claimed yet. */
  | { readonly phase: "created"; readonly run: RunBody }
  /** Between steps: the next one is due, or the end. */
  | { readonly phase: "ready"; readonly run: RunBody }
  /** A step is open: the model is being asked, or was. Its deltas hang under its `step.started`, whose seq this is. */
  | {
      readonly phase: "stepping";
      readonly run: RunBody;
      readonly step: number;
      readonly seq: number;
      /** The step summarises the thread up to this run; null: it is a turn of the conversation. */
      readonly summarizesThrough: string | null;
    }
  /** The lease is held while calls are open. */
  | { readonly phase: "acting"; readonly run: RunBody }
  /** Parked: no open call needs the lease. */
  | { readonly phase: "waiting"; readonly run: RunBody }
  /** The model failed; the next attempt is due at `nextAt`. */
  | { readonly phase: "retrying"; readonly run: RunBody; readonly nextAt: number }
  | { readonly phase: "ended"; readonly run: RunBody; readonly end: RunEnd };

/** A run that has not ended. */
export type LiveState = Exclude<RunState, { phase: "ended" }>;

export type RunEnd =
  | { readonly kind: "completed"; readonly output: RunOutput; readonly finishReason: FinishReason | null }
  | { readonly kind: "failed"; readonly error: Failure; readonly finishReason: FinishReason | null }
  | { readonly kind: "canceled"; readonly reason: string | null }
  | { readonly kind: "merged"; readonly into: string };

/** The status that clients see. */
export function statusOf(state: RunState): RunStatus {
  switch (state.phase) {
    case "created":
    case "retrying":
      return "queued";
    case "ready":
    case "stepping":
    case "acting":
      return "running";
    case "waiting":
      return "waiting_tool";
    case "ended":
      return state.end.kind;
    default:
      return state satisfies never;
  }
}

/** The steps of the run's own that were turns of its conversation. */
export function ownSteps({ steps, summarySteps, reusedSteps }: RunBody): number {
  return steps - summarySteps - reusedSteps;
}

/** The calls that are not settled, in the model's order. */
export function openCallsOf(run: RunBody): Call[] {
  return [...run.calls.values()].filter((call) => call.phase.kind !== "settled");
}

/** Whether this call is a sleep of the run. Its deadline is the time to wake. */
export function isSleep({ tool }: Pick<Call, "tool">): boolean {
  return tool?.server?.type === "sleep";
}

/** The name of the agent that takes this call as a child; null: it is not such a call. */
export function childAgentOf({ tool }: Pick<Call, "tool">): string | null {
  return tool?.server?.type === "agent" ? tool.server.agent : null;
}

/** Whether the gateway itself executes this call, so that the lease must be held. Sleeps and children need nobody. */
export function isHeldCall(call: Pick<Call, "tool" | "target">): boolean {
  return call.target === "server" && !isSleep(call) && childAgentOf(call) === null;
}

/** Whether this call is in the hands of the gateway that holds the lease. */
export function isInHouse(call: Call): boolean {
  return call.phase.kind === "dispatched" && isHeldCall(call);
}

/** Whether calls with this target go to a device. */
export function isForDevice(target: ToolTarget): boolean {
  return target === "device" || target === "browser";
}
