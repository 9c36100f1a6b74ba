import type { GrantedLimits, RunScope, StartLimits } from "./agent-config.ts";
import type { Failure, FinishReason, RunOutput, Usage } from "./event.ts";
import type { ForkOrigin } from "./fork.ts";
import type { JsonObject } from "./json.ts";
import type { InputMessage, UserMessage } from "./message.ts";
import type { PageQuery } from "./page.ts";
import type { StartPolicy } from "./start-policy.ts";

/**
 * The states of a run: `queued → running → waiting_tool → running → completed | failed | canceled`; or
 * `queued → merged`, if its message has entered another run of its thread.
 */
export const RUN_STATUSES = ["queued", "running", "waiting_tool", "completed", "failed", "canceled", "merged"] as const;

/** A state of a run. */
export type RunStatus = (typeof RUN_STATUSES)[number];

/** The states of a run that has ended. It never leaves them. */
export const TERMINAL_RUN_STATUSES = [
  "completed",
  "failed",
  "canceled",
  "merged",
] as const satisfies readonly RunStatus[];

/** Whether a run in this state has ended for good. */
export function isTerminalStatus(status: RunStatus): boolean {
  return (TERMINAL_RUN_STATUSES as readonly RunStatus[]).includes(status);
}

/** A run as the API shows it. `Output`: what its agent's runs end with, see `RunOutput`. */
export interface Run<Output = RunOutput> {
  readonly id: string;
  readonly status: RunStatus;
  readonly agentId: string;
  readonly agentName: string;
  /** The version of the agent that this run executes. It never changes. */
  readonly versionId: string;
  /** The thread on which this run takes its turn; `null` if it is on none. */
  readonly threadId: string | null;
  /** The user of the tenant whose run it is; `null`: it is the tenant's own. A thread's subject is that of its runs. */
  readonly subject: string | null;
  /** The run that its messages have entered; `null` unless its status is `merged`. */
  readonly mergedInto: string | null;
  /** The fact of another run from which it was forked; `null` if it was not. */
  readonly forkedFrom: ForkOrigin | null;
  /** The run that started this one, as a child for one of its calls; `null` if a client did. */
  readonly parentRunId: string | null;
  /** The call of the parent that this run answers; `null` without a parent. */
  readonly parentCallId: string | null;
  /** The run at the top, which a client started; `null` without a parent. */
  readonly rootRunId: string | null;
  /** How far it is below that one; 0 without a parent. */
  readonly depth: number;
  /** The device that `select: "origin"` means; `null` if there is none. */
  readonly deviceKey: string | null;
  /** Who started it, named as in decisions (`Decider.by`); `null` for a run of an earlier version. */
  readonly startedBy: string | null;
  /** What the client attached when it started the run. */
  readonly metadata: JsonObject;
  /** What the run came to: a text, or the object that its `outputSchema` asks for. `null` until it has completed. */
  readonly output: Output | null;
  /**
   * Why the model's last answer ended; `null` until the run has completed. An answer that is not whole
   * (`isWholeAnswer`) was cut or filtered. It is there as well if the run failed for that.
   */
  readonly finishReason: FinishReason | null;
  /** Why the run failed; `null` unless its status is `failed`. */
  readonly error: Failure | null;
  /** The tokens that its own steps spent so far, and what they cost. */
  readonly usage: Usage;
  /** What its children that have ended spent, with theirs. */
  readonly childrenUsage: Usage;
  /** What it may use: the agent's limits, narrowed by its start; `null` for a run of an earlier version. */
  readonly limits: GrantedLimits | null;
  /** The gateway that advances it, by its id; `null` while none does. */
  readonly heldBy: string | null;
  /** Steps started so far. A fork counts on from the steps that it reuses. */
  readonly steps: number;
  /** The position of the last fact, such as `7-0`. */
  readonly position: string;
  /** ISO 8601, UTC, as are all times here. */
  readonly createdAt: string;
  /** When a gateway first took the run up; `null` while it is queued. */
  readonly startedAt: string | null;
  /** When the run ended, however it ended; `null` before. */
  readonly completedAt: string | null;
}

/** The body of `POST /api/runs`. */
export interface StartRunBody extends RunScope {
  /** An agent's name or id. */
  readonly agent: string;
  /** A version of that agent; its current one if left out. */
  readonly versionId?: string;
  /** What the user says, or earlier turns and then what the user says. */
  readonly input: string | InputMessage[];
  /** The id or key of a thread. Runs on one thread take turns. */
  readonly threadId?: string;
  /** What becomes of this start while another run of the thread has not ended; `queue` if left out. */
  readonly policy?: StartPolicy;
  /** The device that `select: "origin"` means. */
  readonly deviceKey?: string;
  /** Narrows what the agent's config allows this run. */
  readonly limits?: StartLimits;
  /** Kept with the run, and shown with it. */
  readonly metadata?: JsonObject;
  /** The user of the tenant whose run it is to be. Only a key without a subject of its own says so. */
  readonly subject?: string;
}

/** The response to a started run. */
export interface StartedRun {
  readonly runId: string;
  /** `queued` for a new run. A repeated request finds the run in whichever state it is. */
  readonly status: RunStatus;
  /** The path of the run's event stream. */
  readonly streamUrl: string;
}

/** The query of `GET /api/runs`. A field that is left out does not filter. */
export interface ListRunsQuery extends PageQuery {
  readonly status?: RunStatus;
  /** An agent's name or id. */
  readonly agent?: string;
  /** The id of a version of an agent. */
  readonly versionId?: string;
  /** A thread's id or key. */
  readonly threadId?: string;
  /** The id or key of a device: runs with a call that it has answered or has been sent. */
  readonly device?: string;
  /** Times in ISO 8601: runs of `since` and later, and those before `until`, by the times in their ids. */
  readonly since?: string;
  readonly until?: string;
  /**
   * A text in a run's metadata as JSON, names as well as values. The case of ASCII letters counts for nothing. For a
   * page 500 runs are looked at, so one with few runs or none may yet have a `nextCursor`.
   */
  readonly metadata?: string;
  /** The user of the tenant whose runs are listed. */
  readonly subject?: string;
  /** The id of a run whose children are listed. */
  readonly parent?: string;
  /** The id of a run whose forks are listed. */
  readonly forkedFrom?: string;
}

/** The query of `GET /api/runs/:id/events`. */
export interface ListEventsQuery extends PageQuery {
  /** The most events on the page, from 1 to 1000; 50 if left out. */
  readonly limit?: number;
  /** `desc`: newest first; `asc` if left out. The pages of either go on by their cursors. */
  readonly order?: "asc" | "desc";
  /** The position after which to begin, such as `7-2`. Not with `order: "desc"`. */
  readonly after?: string;
  /** The position before which to begin, only with `order: "desc"`; the end of the run if left out. */
  readonly before?: string;
  /** Leaves the deltas out. */
  readonly facts?: boolean;
}

/** The body of `POST /api/runs/:id/messages`. */
export interface PostMessageBody {
  /** A text stands for a user message with this text. */
  readonly message: UserMessage | string;
}

/** The body of `POST /api/runs/:id/cancel`. */
export interface CancelBody {
  /** Shown with the run's last event. */
  readonly reason?: string;
}

/** The response to a message, an approval or a cancel: the run has it as an input, and takes it in its turn. */
export interface AcceptedInput {
  readonly runId: string;
  /** The state of the run when the input was accepted. */
  readonly status: RunStatus;
}
