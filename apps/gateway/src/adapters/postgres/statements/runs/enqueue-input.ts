import { isTerminalStatus, type RunStatus, type ToolCallStatus } from "@hsafa/protocol";
import { inboxBytesMaxFor, inboxMaxFor } from "../../../../ports/inbox.ts";
import { RUN_MESSAGES_BYTES_MAX } from "../../../../ports/limits.ts";
import type { EnqueueInputOutcome, TenantStore } from "../../../../ports/tenant-store.ts";
import { tenantStatement } from "../../statement.ts";
import { repeatOnUniqueViolation, type TenantSql } from "../../sql.ts";
import { ACTOR, actorText, audited } from "../audit/audited.ts";
import { ENDED_RUN } from "../../status-lists.ts";
import { time } from "../../times.ts";
import type { TenantId } from "../../../../core/tenant-id.ts";

/**
 * 1. The run's row is locked first, so everything is decided on the row as it is.
 * 2. An input wakes a run that nobody holds. A holder is not robbed: its next renewal tells it.
 * 3. A run that waits for its turn in a thread (never claimed, no `wake_at`) is woken by the end of the run before it.
 *    Of the inputs only a cancel wakes it.
 * 4. An approval locks its call's row after the run's, as a commit does. So an expiry in flight is either seen or has
 *    not begun. A call whose wait is over counts as expired, also before its run has said so.
 * 5. Of two inputs under one dedupe key at once the second violates the key, is undone whole, and is done again as a
 *    duplicate.
 * 6. The bytes that wait are counted on the locked row, so that senders at once pass the bound together no more than
 *    one alone. They begin anew when nothing waits, because gateways of an earlier version count none.
 * 7. The bytes of all messages are counted beside them, and never less.
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
    until: "float8?",
    bytes: "int",
    inboxMax: "int",
    inboxBytesMax: "int?",
    messageBytes: "int",
    approved: "bool?",
    ...ACTOR,
  },
  text: `
-- 1.
with run as (
  select id, tenant_id, status, inbox, case when inbox = 0 then 0 else inbox_bytes end as inbox_bytes,
    message_bytes, status in ${ENDED_RUN} as ended
  from runs where id = :runId and tenant_id = :tenantId
  for no key update
),
earlier as (
  select body_hash from run_inputs where run_id = :runId and tenant_id = :tenantId and dedupe_key = :dedupeKey
),
-- 4.
call as materialized (
  select case
      when c.status = 'awaiting_approval' and ${time(":until")} <= now() then 'expired'
      else c.status
    end as status
  from run join tool_calls c on c.run_id = run.id
  where c.id = :approvedCallId
  for no key update of c
),
raised as (
  update runs r set
    inbox = r.inbox + 1,
    -- 6.
    inbox_bytes = run.inbox_bytes + :bytes,
    -- 7.
    message_bytes = run.message_bytes + :messageBytes,
    -- 2. 3.
    wake_at = case
      when r.lease_owner is null and (r.epoch > 0 or r.wake_at is not null or :kind = 'cancel') then now()
      else r.wake_at
    end
  from run
  where r.id = :runId and r.tenant_id = :tenantId and not run.ended and not exists (select from earlier)
    and run.inbox < :inboxMax and (:inboxBytesMax is null or run.inbox_bytes + :bytes <= :inboxBytesMax)
    and (:messageBytes = 0 or run.message_bytes + :messageBytes <= ${RUN_MESSAGES_BYTES_MAX})
    and (:approvedCallId is null or exists (select from call where status = 'awaiting_approval'))
  returning r.id, r.tenant_id
),
inserted as (
  insert into run_inputs (tenant_id, run_id, kind, input, bytes, dedupe_key, body_hash)
  select tenant_id, id, :kind, :input, :bytes, :dedupeKey, :bodyHash from raised
),
${audited({
  action: { sql: "case :kind when 'cancel' then 'run.cancel' else 'approval.decide' end" },
  outcome: "case when :kind = 'cancel' then 'requested' when :approved then 'approved' else 'denied' end",
  targets: { runId: "raised.id", callId: ":approvedCallId" },
  from: "raised where :kind in ('cancel', 'approval')",
})}
select run.status, raised.id is not null as accepted,
  run.message_bytes + :messageBytes > ${RUN_MESSAGES_BYTES_MAX} as messages_full, earlier.body_hash as earlier_hash, call.status as call_status
from run left join raised on true left join earlier on true left join call on true`,
});

interface Row {
  readonly status: RunStatus;
  readonly accepted: boolean;
  readonly messages_full: boolean;
  readonly earlier_hash: string | null;
  /** Null: no approval, or its call is not of this run. */
  readonly call_status: ToolCallStatus | null;
}

type Params = Parameters<TenantStore["enqueueInput"]>[0];

export async function enqueueInput(sql: TenantSql, tenantId: TenantId, params: Params): Promise<EnqueueInputOutcome> {
  const { runId, input, dedupe, until, by } = params;
  const text = JSON.stringify(input);
  const bytes = Buffer.byteLength(text);
  // 5.
  const [row] = await repeatOnUniqueViolation(() =>
    sql.query<Row>(
      ENQUEUE_INPUT({
        tenantId,
        runId,
        kind: input.kind,
        input: text,
        dedupeKey: dedupe?.key ?? null,
        bodyHash: dedupe?.bodyHash ?? null,
        approvedCallId: input.kind === "approval" ? input.callId : null,
        until: until ?? null,
        bytes,
        messageBytes: input.kind === "message" ? bytes : 0,
        inboxMax: inboxMaxFor(input.kind),
        inboxBytesMax: inboxBytesMaxFor(input.kind),
        approved: input.kind === "approval" ? input.approved : null,
        actor: actorText(by),
      }),
    ),
  );
  if (row === undefined) return { kind: "not_found" };
  const { status } = row;
  if (row.accepted) return { kind: "accepted", status };
  if (row.earlier_hash !== null)
    return { kind: row.earlier_hash === dedupe?.bodyHash ? "duplicate" : "conflict", status };
  if (isTerminalStatus(status)) return { kind: "ended", status };
  if (input.kind === "message" && row.messages_full) return { kind: "messages_full" };
  if (input.kind !== "approval" || row.call_status === "awaiting_approval") return { kind: "inbox_full" };
  return row.call_status === null ? { kind: "not_found" } : { kind: "call_not_awaiting", callStatus: row.call_status };
}
