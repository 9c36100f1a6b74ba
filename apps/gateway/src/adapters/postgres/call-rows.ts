import type { ApprovalRecipient, CallApproval, JsonValue, ToolCallStatus, ToolTarget } from "@hsafa/protocol";
import type { CallProjection } from "../../ports/fleet-store.ts";
import { millis, time } from "./times.ts";
import { labelsOf, labelTexts } from "./labels.ts";
import type { ValuesOf } from "./statement.ts";

/** Parameters of a statement that writes calls: one array for each column. */
export const CALL_PARAMETERS = {
  callIds: "uuid[]",
  callToolNames: "text[]",
  callSteps: "int[]",
  callArgs: "text[]",
  callTargets: "text[]",
  callStatuses: "text[]",
  callAttempts: "int[]",
  callRepeatables: "bool[]",
  callRecipientKinds: "text[]",
  callRecipientKeys: "text[]",
  callRecipientLabels: "text[]",
  callRecipientPlatforms: "text[]",
  callRecipientDeviceIds: "uuid[]",
  callRecipientOwners: "text[]",
  callRecipientOwnerIds: "text[]",
  callApprovals: "text[]",
  callDeadlines: "float8[]",
  callResults: "text[]",
  callErrors: "text[]",
  callSources: "text[]",
  callDeviceIds: "uuid[]",
  callRequestedAts: "float8[]",
  callDispatchedAts: "float8[]",
  callSettledAts: "float8[]",
} as const;

/** The columns of `tool_calls` that a commit writes, in the order of `CALL_VALUES`. */
export const CALL_COLUMNS = `id, tool_name, step, args, target, status, attempt, repeatable,
    recipient_kind, recipient_key, recipient_labels, recipient_platform, recipient_device_id, recipient_owner,
    recipient_owner_id, approval, deadline, result, error, source, device_id, requested_at, dispatched_at, settled_at`;

/** SQL: those arrays as rows `n`. */
export const CALLS = `unnest(
    :callIds, :callToolNames, :callSteps, :callArgs, :callTargets, :callStatuses, :callAttempts, :callRepeatables,
    :callRecipientKinds, :callRecipientKeys, :callRecipientLabels, :callRecipientPlatforms,
    :callRecipientDeviceIds, :callRecipientOwners, :callRecipientOwnerIds, :callApprovals,
    :callDeadlines, :callResults, :callErrors, :callSources, :callDeviceIds, :callRequestedAts, :callDispatchedAts, :callSettledAts
  ) as n (${CALL_COLUMNS})`;

/** SQL: a row `n` as the values of `CALL_COLUMNS`. Arrays of arrays cannot be ragged, so labels come as JSON. */
export const CALL_VALUES = `n.id, n.tool_name, n.step, n.args::json, n.target, n.status, n.attempt, n.repeatable,
    n.recipient_kind, n.recipient_key, array(select json_array_elements_text(n.recipient_labels::json)), n.recipient_platform,
    n.recipient_device_id, n.recipient_owner, n.recipient_owner_id, n.approval::json,
    ${time("n.deadline")}, n.result::json, n.error::json, n.source, n.device_id,
    ${time("n.requested_at")}, ${time("n.dispatched_at")}, ${time("n.settled_at")}`;

/** The calls as values of `CALL_PARAMETERS`. */
export function callValues(calls: readonly CallProjection[]): ValuesOf<typeof CALL_PARAMETERS> {
  const recipients = calls.map((call) => call.recipient);
  return {
    callIds: calls.map((call) => call.callId),
    callToolNames: calls.map((call) => call.toolName),
    callSteps: calls.map((call) => call.step),
    callArgs: calls.map((call) => JSON.stringify(call.args)),
    callTargets: calls.map((call) => call.target),
    callStatuses: calls.map((call) => call.status),
    callAttempts: calls.map((call) => call.attempt),
    callRepeatables: calls.map((call) => call.repeatable),
    callRecipientKinds: recipients.map((recipient) => recipient?.kind ?? null),
    callRecipientKeys: recipients.map((recipient) => (recipient?.kind === "key" ? recipient.deviceKey : null)),
    callRecipientLabels: recipients.map((recipient) =>
      JSON.stringify(recipient?.kind === "any" ? labelTexts(recipient.labels) : []),
    ),
    callRecipientPlatforms: recipients.map((recipient) => (recipient?.kind === "any" ? recipient.platform : null)),
    callRecipientDeviceIds: calls.map((call) => boundDevice(call)?.deviceId ?? null),
    callRecipientOwners: calls.map((call) => boundDevice(call)?.owner ?? null),
    callRecipientOwnerIds: calls.map((call) => boundDevice(call)?.ownerId ?? null),
    callApprovals: calls.map((call) => (call.approval === null ? null : JSON.stringify(call.approval))),
    callDeadlines: calls.map((call) => call.deadline),
    callResults: calls.map((call) => (call.result === undefined ? null : JSON.stringify(call.result))),
    callErrors: calls.map((call) => (call.error === null ? null : JSON.stringify(call.error))),
    callSources: calls.map((call) => call.source),
    callDeviceIds: calls.map((call) => call.deviceId),
    callRequestedAts: calls.map((call) => call.requestedAt),
    callDispatchedAts: calls.map((call) => call.dispatchedAt),
    callSettledAts: calls.map((call) => call.settledAt),
  };
}

/** The one device that an approval binds the call to. */
function boundDevice({ approval }: CallProjection): Extract<ApprovalRecipient, { kind: "device" }> | null {
  return approval?.recipient.kind === "device" ? approval.recipient : null;
}

/** A call that is not settled, as a select list. */
export const OPEN_CALL_COLUMNS = `id::text, tool_name, step, args::text as args, target, status, attempt, repeatable,
  recipient_kind, recipient_key, recipient_labels, recipient_platform, approval::text as approval,
  ${millis("deadline")} as deadline, ${millis("requested_at")} as requested_at, ${millis("dispatched_at")} as dispatched_at`;

export interface OpenCallRow {
  readonly id: string;
  readonly tool_name: string;
  readonly step: number;
  readonly args: string;
  readonly target: ToolTarget;
  readonly status: ToolCallStatus;
  readonly attempt: number;
  readonly repeatable: boolean;
  readonly recipient_kind: "key" | "any" | null;
  readonly recipient_key: string | null;
  readonly recipient_labels: readonly string[];
  readonly recipient_platform: string | null;
  readonly approval: string | null;
  readonly deadline: number | null;
  readonly requested_at: number;
  readonly dispatched_at: number | null;
}

/** The projection of a call that is not settled. */
export function openCall(row: OpenCallRow): CallProjection {
  return {
    callId: row.id,
    toolName: row.tool_name,
    step: row.step,
    args: JSON.parse(row.args) as JsonValue,
    target: row.target,
    status: row.status,
    attempt: row.attempt,
    repeatable: row.repeatable,
    recipient: recipientOf(row),
    approval: row.approval === null ? null : (JSON.parse(row.approval) as CallApproval),
    deadline: row.deadline,
    result: undefined,
    error: null,
    source: null,
    deviceId: null,
    requestedAt: row.requested_at,
    dispatchedAt: row.dispatched_at,
    settledAt: null,
  };
}

function recipientOf(row: OpenCallRow): CallProjection["recipient"] {
  if (row.recipient_key !== null) return { kind: "key", deviceKey: row.recipient_key };
  if (row.recipient_kind === null) return null;
  return { kind: "any", labels: labelsOf(row.recipient_labels), platform: row.recipient_platform };
}
