import type { Failure, JsonValue, RunStatus, ToolCallStatus, ToolTarget, Usage } from "@hsafa/protocol";
import { TOOL_CALLS_PER_STEP_MAX } from "../../../../core/limits.ts";
import type { CallProjection, FleetStore, RunOutline } from "../../../../ports/fleet-store.ts";
import { millis } from "../../event-rows.ts";
import { labelsOf } from "../../labels.ts";
import type { Sql } from "../../sql.ts";
import { OPEN_CALL } from "../../status-lists.ts";

const LOAD_OUTLINE = {
  name: "load-outline",
  text: `
select status, inbox, steps, open_step, usage::text as usage, output::text as output, error::text as error,
  ${millis("started_at")} as started_at, ${millis("completed_at")} as completed_at
from runs where id = $2::uuid and tenant_id = $1::uuid and epoch = $3::int`,
};

const LOAD_OPEN_CALLS = {
  name: "load-open-calls",
  text: `
select id::text, tool_name, step, args::text as args, target, status, attempt, repeatable,
  recipient_kind, recipient_key, recipient_labels, recipient_platform,
  ${millis("deadline")} as deadline, ${millis("requested_at")} as requested_at, ${millis("dispatched_at")} as dispatched_at
from tool_calls
where run_id = $2::uuid and tenant_id = $1::uuid and status in ${OPEN_CALL}
order by id limit ${TOOL_CALLS_PER_STEP_MAX}`,
};

interface RunRow {
  readonly status: RunStatus;
  readonly inbox: number;
  readonly steps: number;
  readonly open_step: number | null;
  readonly usage: string;
  readonly output: string | null;
  readonly error: string | null;
  readonly started_at: number | null;
  readonly completed_at: number | null;
}

interface CallRow {
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
  readonly deadline: number | null;
  readonly requested_at: number;
  readonly dispatched_at: number | null;
}

export async function loadOutline(
  sql: Sql,
  params: Parameters<FleetStore["loadOutline"]>[0],
): Promise<RunOutline | null> {
  const { tenantId, runId, epoch } = params;
  const [[run], calls] = await Promise.all([
    sql.query<RunRow>(LOAD_OUTLINE, [tenantId, runId, epoch]),
    sql.query<CallRow>(LOAD_OPEN_CALLS, [tenantId, runId]),
  ]);
  if (run === undefined) return null;
  return {
    run: {
      status: run.status,
      steps: run.steps,
      openStep: run.open_step,
      usage: JSON.parse(run.usage) as Usage,
      output: run.output === null ? null : (JSON.parse(run.output) as string),
      error: run.error === null ? null : (JSON.parse(run.error) as Failure),
      startedAt: run.started_at,
      completedAt: run.completed_at,
    },
    inboxCount: run.inbox,
    openCalls: calls.map(openCall),
  };
}

function openCall(row: CallRow): CallProjection {
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

function recipientOf(row: CallRow): CallProjection["recipient"] {
  if (row.recipient_key !== null) return { kind: "key", deviceKey: row.recipient_key };
  if (row.recipient_kind === null) return null;
  return { kind: "any", labels: labelsOf(row.recipient_labels), platform: row.recipient_platform };
}
