import { isTerminalStatus, type RunStatus } from "@hsafa/protocol";
import { leavesMessages } from "../../../../core/leaves-messages.ts";
import type { TenantId } from "../../../../core/tenant-id.ts";
import { THREAD_ANCESTORS_MAX } from "../../../../ports/limits.ts";
import type { TenantStore } from "../../../../ports/tenant-store.ts";
import type { BranchOutcome } from "../../../../ports/tenant-threads.ts";
import { namedThread } from "../../named-thread.ts";
import { repeatOnUniqueViolation, type TenantSql } from "../../sql.ts";
import { tenantStatement } from "../../statement.ts";
import { RUN_WITH_MESSAGES } from "../../status-lists.ts";
import { THREAD_COLUMNS, type ThreadColumns, threadOfColumns } from "./thread-columns.ts";

/** The thread of the run is read and stays as it is. What it adds later is not seen: the turn of the run bounds it. */
const BRANCH_THREAD = tenantStatement({
  name: "branch-thread",
  parameters: { threadId: "uuid", runId: "uuid", key: "text?", subject: "text?", title: "text?", metadata: "json" },
  text: `
with origin as (
  select r.id as run_id, r.status, t.ancestor_ids || t.id as ids, t.ancestor_turns || r.thread_turn as turns
  from runs r join threads t on t.id = r.thread_id and t.tenant_id = r.tenant_id
  where r.id = :runId and r.tenant_id = :tenantId and t.deleted_at is null
),
known as (
  select * from threads
  where id = ${namedThread({ id: ":threadId", key: ":key", subject: ":subject" })} and tenant_id = :tenantId
),
made as (
  insert into threads (id, tenant_id, key, subject, title, metadata, branched_from, ancestor_ids, ancestor_turns)
  select :threadId, :tenantId, :key, :subject, :title, :metadata, o.run_id, o.ids, o.turns
  from origin o
  where not exists (select from known) and o.status in ${RUN_WITH_MESSAGES}
    and cardinality(o.ids) <= ${THREAD_ANCESTORS_MAX}
  returning *
),
thread as (select ${THREAD_COLUMNS}, false as created from known union all select ${THREAD_COLUMNS}, true from made)
select origin.status as origin_status, thread.* from origin left join thread on true`,
});

type Row = { readonly origin_status: RunStatus } & (
  | (ThreadColumns & { readonly created: boolean })
  | { readonly id: null }
);

export async function branchThread(
  sql: TenantSql,
  tenantId: TenantId,
  params: Parameters<TenantStore["branchThread"]>[0],
): Promise<BranchOutcome> {
  const { metadata, ...rest } = params;
  const [row] = await repeatOnUniqueViolation(() =>
    sql.query<Row>(BRANCH_THREAD({ tenantId, ...rest, metadata: JSON.stringify(metadata) })),
  );
  if (row === undefined) return { kind: "not_found" };
  if (row.id !== null) {
    return row.branched_from === params.runId
      ? { kind: "thread", thread: threadOfColumns(row), created: row.created }
      : { kind: "key_taken" };
  }
  const status = row.origin_status;
  if (!isTerminalStatus(status)) return { kind: "not_ended", status };
  return leavesMessages(status) ? { kind: "too_deep" } : { kind: "merged" };
}
