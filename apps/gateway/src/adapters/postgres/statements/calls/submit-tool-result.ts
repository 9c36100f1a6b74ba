import type { ToolCallStatus } from "@hsafa/protocol";
import { inboxBytesMaxFor, inboxMaxFor, toolResultInput } from "../../../../ports/inbox.ts";
import type { SubmitResultOutcome, TenantStore } from "../../../../ports/tenant-store.ts";
import { RECOVERIES_MAX } from "../../../../core/limits.ts";
import type { OutsideInput } from "../../../../core/input.ts";
import type { TakenRun } from "../../../../ports/hold-offer.ts";
import { millis } from "../../times.ts";
import { IS_JUDGED } from "../runs/claim-runs.ts";
import { tenantStatement } from "../../statement.ts";
import type { TenantSql } from "../../sql.ts";
import { ENDED_RUN, SETTLED_CALL } from "../../status-lists.ts";
import type { TenantId } from "../../../../core/tenant-id.ts";

/**
 * 1. R7 is decided under two locks, in the order in which a commit takes them: the run's row, then the call's.
 * 2. Both rows are read anew once they are locked. So a commit in flight is either seen whole or has not begun.
 * 3. A call of the server is never sent to anybody, so no result from outside is accepted for it.
 * 4. The call's row keeps the hash of the accepted result. So the same result is known again, whatever becomes of the
 *    run.
 * 6. Only a parked run is taken, and none on its last chance: those are taken up one at a time, by claims. Nobody has
 *    its lease, so none was lost.
 * 5. The bytes that wait are counted as for any other input (`enqueue-input.ts`).
 */
const SUBMIT_TOOL_RESULT = tenantStatement({
  name: "submit-tool-result",
  parameters: {
    callId: "uuid",
    ofRunId: "uuid?",
    fromDeviceId: "uuid?",
    bodyHash: "text",
    input: "json",
    bytes: "int",
    gatewayId: "text?",
    claimNumber: "int?",
    leaseDurationMs: "float8?",
  },
  text: `
-- 1. 2.
with run as materialized (
  select id, tenant_id, status, inbox, lease_owner, recoveries, case when inbox = 0 then 0 else inbox_bytes end as inbox_bytes from runs
  where id = (select run_id from tool_calls where id = :callId and tenant_id = :tenantId) and tenant_id = :tenantId
  for no key update
),
call as materialized (
  select c.id, c.run_id, c.tenant_id, c.status, c.target, c.result_hash, c.sent_to, run.inbox, run.inbox_bytes, run.status as run_status,
    -- 6.
    :gatewayId is not null and run.lease_owner is null and run.status = 'waiting_tool'
      and run.recoveries < ${RECOVERIES_MAX} and ${IS_JUDGED} as is_free
  from run join tool_calls c on c.run_id = run.id
  where c.id = :callId
  for no key update of c
),
verdict as (
  select id, run_id, tenant_id, status, inbox_bytes, is_free, case
    when run_id <> coalesce(:ofRunId, run_id) or (:fromDeviceId is not null and :fromDeviceId <> all (sent_to)) then 'not_found'
    when result_hash = :bodyHash then 'duplicate'
    when result_hash is not null or status in ${SETTLED_CALL} then 'conflict'
    -- 3.
    when status <> 'dispatched' or target = 'server' then 'not_dispatched'
    when run_status in ${ENDED_RUN} then 'conflict'
    when inbox >= ${inboxMaxFor("tool_result")} then 'inbox_full'
    -- 5.
    when inbox_bytes + :bytes > ${inboxBytesMaxFor("tool_result")} then 'inbox_full'
    else 'accepted'
  end as kind
  from call
),
-- 4.
marked as (
  update tool_calls c set result_hash = :bodyHash from verdict v
  where c.id = :callId and c.tenant_id = :tenantId and v.kind = 'accepted'
),
raised as (
  update runs r set inbox = r.inbox + 1, inbox_bytes = v.inbox_bytes + :bytes,
    epoch = r.epoch + v.is_free::int,
    lease_owner = case when v.is_free then :gatewayId else r.lease_owner end,
    claim_number = case when v.is_free then :claimNumber else r.claim_number end,
    is_reprieved = r.is_reprieved and not v.is_free,
    wake_at = case
      when v.is_free then now() + :leaseDurationMs * interval '1 millisecond'
      when r.lease_owner is null then now()
      else r.wake_at
    end
  from verdict v
  where r.id = (select run_id from verdict) and r.tenant_id = :tenantId and v.kind = 'accepted'
  returning v.is_free, r.epoch, r.last_seq, r.recoveries, r.stalls, r.inbox
),
inserted as (
  insert into run_inputs (tenant_id, run_id, kind, input, bytes)
  select tenant_id, run_id, 'tool_result', :input, :bytes from verdict where kind = 'accepted'
  returning id
)
select kind, status, run_id::text, coalesce(raised.is_free, false) as is_taken, raised.epoch, raised.last_seq,
  raised.recoveries, raised.stalls, raised.inbox, (select id::text from inserted) as input_id,
  floor(${millis("now()")}) as now
from verdict left join raised on true`,
});

interface Row {
  readonly kind: SubmitResultOutcome["kind"];
  readonly status: ToolCallStatus;
  readonly run_id: string;
  readonly is_taken: boolean;
  readonly epoch: number;
  readonly last_seq: number;
  readonly recoveries: number;
  readonly stalls: number;
  readonly inbox: number;
  readonly input_id: string;
  readonly now: number;
}

type Params = Parameters<TenantStore["submitToolResult"]>[0];

export async function submitToolResult(
  sql: TenantSql,
  tenantId: TenantId,
  params: Params,
): Promise<SubmitResultOutcome> {
  const { callId, bodyHash, from, offer = null } = params;
  const input = toolResultInput(params);
  const text = JSON.stringify(input);
  const [row] = await sql.query<Row>(
    SUBMIT_TOOL_RESULT({
      tenantId,
      callId,
      ofRunId: from.kind === "http" ? from.runId : null,
      fromDeviceId: from.kind === "device" ? from.deviceId : null,
      bodyHash,
      input: text,
      bytes: Buffer.byteLength(text),
      gatewayId: offer?.gatewayId ?? null,
      claimNumber: offer?.claimNumber ?? null,
      leaseDurationMs: offer?.leaseDurationMs ?? null,
    }),
    () => offer?.sent(),
  );
  if (row === undefined) return { kind: "not_found" };
  const { kind } = row;
  switch (kind) {
    case "accepted":
      return { kind, runId: row.run_id, taken: row.is_taken ? takenRun(tenantId, row, input) : null };
    case "duplicate":
      return { kind, runId: row.run_id };
    case "conflict":
      return { kind, status: row.status };
    case "not_found":
    case "not_dispatched":
    case "inbox_full":
      return { kind };
    default:
      return kind satisfies never;
  }
}

function takenRun(tenantId: TenantId, row: Row, input: OutsideInput): TakenRun {
  const { run_id: runId, epoch, last_seq: lastSeq, recoveries, stalls, inbox: count, input_id: inputId, now } = row;
  return {
    claimed: { runId, tenantId, epoch, lastSeq, lost: false, recoveries, stalls },
    now,
    inbox: { count, inputs: count === 1 ? [{ inputId, input }] : [], resultsUnread: count > 1 },
  };
}
