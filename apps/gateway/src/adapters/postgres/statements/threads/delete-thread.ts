import { THREAD_DELETED } from "../../../../core/plan-start.ts";
import type { OutsideInput } from "../../../../core/input.ts";
import type { TenantId } from "../../../../core/tenant-id.ts";
import { StoreUnavailable } from "../../../../ports/store.ts";
import type { TenantStore } from "../../../../ports/tenant-store.ts";
import { START_TRIES_MAX } from "../../limits.ts";
import { repeatOnUniqueViolation, type TenantSql } from "../../sql.ts";
import { tenantStatement } from "../../statement.ts";
import { OPEN_RUN } from "../../status-lists.ts";
import { ACTOR, actorText, audited } from "../audit/audited.ts";

/**
 * 1. Locks are taken in the order of `INSERT_RUN`: runs, the latest turn first, and then their thread.
 * 2. If a run was started since the open ones were read, nothing is written. So none is left that was not canceled.
 * 3. A run is canceled once, as in `ENQUEUE_INPUT`.
 */
const DELETE_THREAD = tenantStatement({
  name: "delete-thread",
  parameters: { threadId: "uuid", cancelInput: "json", cancelBytes: "int", ...ACTOR },
  text: `
-- 1.
with open as materialized (
  select id, tenant_id, case when inbox = 0 then 0 else inbox_bytes end as inbox_bytes from runs
  where thread_id = :threadId and tenant_id = :tenantId and status in ${OPEN_RUN}
  order by thread_turn desc
  for no key update
),
gone as (
  update threads set deleted_at = now(), key = null
  where id = :threadId and tenant_id = :tenantId and deleted_at is null
    -- 2.
    and turns = (select turns from threads where id = :threadId) and (select count(*) from open) >= 0
  returning id
),
told as (
  update runs r set
    inbox = r.inbox + 1,
    inbox_bytes = o.inbox_bytes + :cancelBytes,
    wake_at = case when r.lease_owner is null then now() else r.wake_at end
  from open o
  -- 3.
  where r.id = o.id and exists (select from gone)
    and not exists (select from run_inputs i where i.run_id = o.id and i.dedupe_key = 'cancel')
  returning r.id, r.tenant_id
),
inputs as (
  insert into run_inputs (tenant_id, run_id, kind, input, bytes, dedupe_key, body_hash)
  select tenant_id, id, 'cancel', :cancelInput, :cancelBytes, 'cancel', '' from told
),
${audited({ action: "run.cancel", outcome: "'requested'", targets: { runId: "told.id" }, from: "told" })},
${audited({
  name: "audited_thread",
  action: "thread.delete",
  outcome: "'deleted'",
  targets: { threadId: "gone.id" },
  from: "gone",
})}
select exists (select from gone) as is_deleted, array(select id::text from told) as told
from threads where id = :threadId and tenant_id = :tenantId and deleted_at is null`,
});

export async function deleteThread(
  sql: TenantSql,
  tenantId: TenantId,
  { threadId, by }: Parameters<TenantStore["deleteThread"]>[0],
): ReturnType<TenantStore["deleteThread"]> {
  const cancelInput = JSON.stringify({ kind: "cancel", reason: THREAD_DELETED } satisfies OutsideInput);
  const cancelBytes = Buffer.byteLength(cancelInput);
  const statement = DELETE_THREAD({ tenantId, threadId, cancelInput, cancelBytes, actor: actorText(by) });
  for (let tries = 0; tries < START_TRIES_MAX; tries++) {
    const [row] = await repeatOnUniqueViolation(() =>
      sql.query<{ readonly is_deleted: boolean; readonly told: readonly string[] }>(statement),
    );
    if (row === undefined) return null;
    if (row.is_deleted) return row.told;
  }
  throw new StoreUnavailable(`runs were started on the thread ${threadId} while it was to be deleted, each time`);
}
