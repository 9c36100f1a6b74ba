import type { Failure, FinishReason, RunStatus, Usage } from "@hsafa/protocol";
import { TOOL_CALLS_PER_STEP_MAX } from "../../../../core/limits.ts";
import type { FleetStore, RunOutline } from "../../../../ports/fleet-store.ts";
import { OPEN_CALL_COLUMNS, openCall, type OpenCallRow } from "../../call-rows.ts";
import { millis } from "../../times.ts";
import { tenantStatement } from "../../statement.ts";
import type { Sql } from "../../sql.ts";
import { OPEN_CALL } from "../../status-lists.ts";

const LOAD_OUTLINE = tenantStatement({
  name: "load-outline",
  parameters: { runId: "uuid", epoch: "int" },
  text: `
select recoveries, status, inbox, steps, open_step, usage::text as usage,
  children_usage::text as children_usage, parent_run_id::text, output::text as output,
  finish_reason, error::text as error,
  ${millis("started_at")} as started_at, ${millis("completed_at")} as completed_at
from runs where id = :runId and tenant_id = :tenantId and epoch = :epoch`,
});

const LOAD_OPEN_CALLS = tenantStatement({
  name: "load-open-calls",
  parameters: { runId: "uuid" },
  text: `
select ${OPEN_CALL_COLUMNS}
from tool_calls
where run_id = :runId and tenant_id = :tenantId and status in ${OPEN_CALL}
order by id limit ${TOOL_CALLS_PER_STEP_MAX}`,
});

interface RunRow {
  readonly recoveries: number;
  readonly status: RunStatus;
  readonly inbox: number;
  readonly steps: number;
  readonly open_step: number | null;
  readonly usage: string;
  readonly children_usage: string | null;
  readonly parent_run_id: string | null;
  readonly output: string | null;
  readonly finish_reason: FinishReason | null;
  readonly error: string | null;
  readonly started_at: number | null;
  readonly completed_at: number | null;
}

export async function loadOutline(
  sql: Sql,
  { tenantId, runId, epoch }: Parameters<FleetStore["loadOutline"]>[0],
): Promise<RunOutline | null> {
  const [[run], calls] = await Promise.all([
    sql.query<RunRow>(LOAD_OUTLINE({ tenantId, runId, epoch })),
    sql.query<OpenCallRow>(LOAD_OPEN_CALLS({ tenantId, runId })),
  ]);
  if (run === undefined) return null;
  return {
    recoveries: run.recoveries,
    // A child bears the id of the call that it answers.
    parent: run.parent_run_id === null ? null : { runId: run.parent_run_id, callId: runId },
    run: {
      status: run.status,
      steps: run.steps,
      openStep: run.open_step,
      usage: JSON.parse(run.usage) as Usage,
      childrenUsage: JSON.parse(run.children_usage ?? "{}") as Usage,
      output: run.output === null ? null : (JSON.parse(run.output) as string),
      finishReason: run.finish_reason,
      error: run.error === null ? null : (JSON.parse(run.error) as Failure),
      startedAt: run.started_at,
      completedAt: run.completed_at,
    },
    inboxCount: run.inbox,
    openCalls: calls.map(openCall),
  };
}
