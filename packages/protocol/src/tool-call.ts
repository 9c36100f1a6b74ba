import type { ToolTarget } from "./agent-config.ts";
import type { CallApproval } from "./approval.ts";
import type { Failure, ResultSource } from "./event.ts";
import type { JsonValue } from "./json.ts";
import type { PageQuery } from "./page.ts";

/**
 * The states of a tool call. `requested` is decided but not dispatched; `awaiting_approval` waits for a person;
 * `dispatched` is under way; the others are settled. A call that is open when its run ends is settled as `failed` with
 * the code `canceled`.
 */
export const TOOL_CALL_STATUSES = [
  "requested",
  "awaiting_approval",
  "dispatched",
  "completed",
  "failed",
  "expired",
  "denied",
] as const;

/** A state of a tool call. */
export type ToolCallStatus = (typeof TOOL_CALL_STATUSES)[number];

/** The states of a call that is not settled. */
export const OPEN_CALL_STATUSES = [
  "requested",
  "awaiting_approval",
  "dispatched",
] as const satisfies readonly ToolCallStatus[];

/** Whether a call in this state is not settled yet. */
export function isOpenCallStatus(status: ToolCallStatus): boolean {
  return (OPEN_CALL_STATUSES as readonly ToolCallStatus[]).includes(status);
}

/** A tool call as the API shows it. All times are ISO 8601, UTC. */
export interface ToolCall {
  readonly id: string;
  readonly runId: string;
  /** The agent of that run. */
  readonly agentName: string;
  /** The step that asked for the call; the first is 1. */
  readonly step: number;
  readonly toolName: string;
  /** The arguments as the model gave them. */
  readonly args: JsonValue;
  readonly target: ToolTarget;
  readonly status: ToolCallStatus;
  /** How often the call was given to an executor. */
  readonly attempts: number;
  /** The device that has, or had, the call; `null` if none. */
  readonly deviceId: string | null;
  /** The key of that device. */
  readonly deviceKey: string | null;
  /** What the tool returned; `null` unless the status is `completed`. */
  readonly result: JsonValue | null;
  /** Why the call failed or expired; `null` unless it did. */
  readonly error: Failure | null;
  /** Where the result came from; `null` before there is one. */
  readonly source: ResultSource | null;
  /** `null` for a call that was not shown for approval. */
  readonly approval: CallApproval | null;
  readonly requestedAt: string;
  readonly dispatchedAt: string | null;
  /** When the call was first sent to a device. */
  readonly sentAt: string | null;
  /** When a device said that it has begun. */
  readonly acceptedAt: string | null;
  /** When the call expires; `null` if it may take for ever. */
  readonly deadline: string | null;
  readonly settledAt: string | null;
}

/** The query of `GET /api/tool-calls`. A field that is left out does not filter. */
export interface ListToolCallsQuery extends PageQuery {
  /** The user of the tenant whose runs made the calls. */
  readonly subject?: string;
  readonly toolName?: string;
  readonly deviceId?: string;
  readonly status?: ToolCallStatus;
}

/** Why a tool failed, as its executor says. */
export interface ToolError {
  /** What the model reads. */
  readonly message: string;
  /** A short word that programs compare. */
  readonly code?: string;
}

/** The body of `POST /api/runs/:id/tool-results`: exactly one of `result` and `error`. */
export interface ToolResultBody {
  readonly callId: string;
  /** What the tool returned; `null` for a tool without a result. */
  readonly result?: JsonValue;
  readonly error?: ToolError;
}

/** The response to a tool result. */
export interface ToolResultAnswer {
  readonly callId: string;
  /** Whether the same result had been taken before. */
  readonly duplicate: boolean;
}

/** The body of `POST /api/runs/:id/approvals`. */
export interface ApprovalBody {
  /** A call that awaits approval. */
  readonly callId: string;
  readonly approved: boolean;
  /**
   * The `digest` of the approval that was shown. If it is not that of the call, nothing is decided. Without it the
   * decision is about the call as it is.
   */
  readonly digest?: string;
  /** Told to the model if the call is denied. */
  readonly reason?: string;
}
