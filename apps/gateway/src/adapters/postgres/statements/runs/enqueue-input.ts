import { isTerminalStatus, type RunStatus, type ToolCallStatus } from "@hsafa/protocol";
import { inboxMaxFor } from "../../../../ports/inbox.ts";
import type { EnqueueInputOutcome, TenantStore } from "../../../../ports/tenant-store.ts";
import { tenantStatement } from "../../statement.ts";
import { repeatOnUniqueViolation, type Sql } from "../../sql.ts";
import { ENDED_RUN } from "../../status-lists.ts";

/**
 * 1. The run's row is locked first, so everything is decided on the row as it is.
 * 2. An input wakes a run that nobody holds. A holder is not robbed: its next renewal tells it.
 * 3. A run that waits for its turn in a thread (never claimed, no `wake_at`) is woken by the end of the run before it.
 *    Of the inputs only a cancel wakes it.
 * 4. An approval locks its call's row after the run's, as a commit does. So an expiry in flight is either seen or has
 *    not begun.
 * 5. Of two inputs under one dedupe key at once the second violates the key, is undone whole, and is done again as a
 *    duplicate.
 */
const ENQUEUE_INPUT = tenantStatement({
  name: "enqueue-input",
  parameters: {
    runId: "uuid",
    kind: "text",
    input: "json",
    dedupeKey: "text?",
    bodyHash: "text?",
    approvedCallId: "uuid?",
    inboxMax: "int",
  },
  text: `
-- 1.
with run as (
  select id, tenant_id, status, inbox, status in ${ENDED_RUN} as ended
  from runs where id = :runId and tenant_id = :tenantId
  for no key update
),
earlier as (
  select body_hash from run_inputs where run_id = :runId and tenant_id = :tenantId and dedupe_key = :dedupeKey
),
-- 4.
call as materialized (
  select c.status from run join tool_calls c on c.run_id = run.id
  where c.id = :approvedCallId
  for no key update of c
),
raised as (
  update runs r set
    inbox = r.inbox + 1,
    -- 2. 3.
    wake_at = case
      when r.lease_owner is null and (r.epoch > 0 or r.wake_at is not null or :kind = 'cancel') then now()
      else r.wake_at
    end
  from run
  where r.id = run.id and not run.ended and run.inbox < :inboxMax and not exists (select from earlier)
    and (:approvedCallId is null or exists (select from call where status = 'awaiting_approval'))
  returning r.id, r.tenant_id
),
inserted as (
  insert into run_inputs (tenant_id, run_id, kind, input, dedupe_key, body_hash)
  select tenant_id, id, :kind, :input, :dedupeKey, :bodyHash from raised
)
select run.status, raised.id is not null as accepted, earlier.body_hash as earlier_hash, call.status as call_status
from run left join raised on true left join earlier on true left join call on true`,
});

interface Row {
  readonly status: RunStatus;
  readonly accepted: boolean;
  readonly earlier_hash: string | null;
  /** Null: no approval, or its call is not of this run. */
  readonly call_status: ToolCallStatus | null;
}

type Params = Parameters<TenantStore["enqueueInput"]>[0];

export async function enqueueInput(sql: Sql, tenantId: string, params: Params): Promise<EnqueueInputOutcome> {
  const { runId, input, dedupe } = params;
  // 5.
  const [row] = await repeatOnUniqueViolation(() =>
    sql.query<Row>(
      ENQUEUE_INPUT({
        tenantId,
        runId,
        kind: input.kind,
        input: JSON.stringify(input),
        dedupeKey: dedupe?.key ?? null,
        bodyHash: dedupe?.bodyHash ?? null,
        approvedCallId: input.kind === "approval" ? input.callId : null,
        inboxMax: inboxMaxFor(input.kind),
      }),
    ),
  );
  if (row === undefined) return { kind: "not_found" };
  const { status } = row;
  if (row.accepted) return { kind: "accepted", status };
  if (row.earlier_hash !== null)
    return { kind: row.earlier_hash === dedupe?.bodyHash ? "duplicate" : "conflict", status };
  if (isTerminalStatus(status)) return { kind: "ended", status };
  if (input.kind !== "approval" || row.call_status === "awaiting_approval") return { kind: "inbox_full" };
  return row.call_status === null ? { kind: "not_found" } : { kind: "call_not_awaiting", callStatus: row.call_status };
}
