import type { Page, RunStatus } from "@hsafa/protocol";
import type { TenantId } from "../../../../core/tenant-id.ts";
import { cursorId } from "../../../../ports/page-cursor.ts";
import type { TenantStore } from "../../../../ports/tenant-store.ts";
import { EMPTY_PAGE, readPage } from "../../page.ts";
import type { TenantSql } from "../../sql.ts";
import { tenantStatement } from "../../statement.ts";
import { threadLine } from "../../thread-line.ts";

/** The runs after the one that a cursor names, which is looked up for its place; null: from the first. */
const LIST_THREAD_RUNS = tenantStatement({
  name: "list-thread-runs",
  parameters: { threadId: "uuid", last: "uuid?", take: "int" },
  text: `
with placed as (
  select r.id, r.status, line.place, r.thread_turn
  from threads t cross join lateral ${threadLine("null::int")}
  join runs r on r.thread_id = line.id and (line.turns is null or r.thread_turn <= line.turns)
  where t.id = :threadId and t.tenant_id = :tenantId and r.tenant_id = t.tenant_id
)
select p.id::text, p.status from placed p
where p.status <> 'merged' and (:last is null or (p.place, p.thread_turn) > (
  select l.place, l.thread_turn from placed l where l.id = :last
))
order by p.place, p.thread_turn limit :take`,
});

const LIST_INHERITED_RUNS = tenantStatement({
  name: "list-inherited-runs",
  parameters: { threadId: "uuid", take: "int" },
  text: `
select r.id::text
from threads t
cross join lateral unnest(t.ancestor_ids, t.ancestor_turns) with ordinality as a (id, turns, place)
join runs r on r.thread_id = a.id and r.thread_turn <= a.turns
where t.id = :threadId and t.tenant_id = :tenantId and r.tenant_id = t.tenant_id and r.status <> 'merged'
order by a.place desc, r.thread_turn desc limit :take`,
});

export async function listInheritedRuns(
  sql: TenantSql,
  tenantId: TenantId,
  { threadId, limit }: Parameters<TenantStore["listInheritedRuns"]>[0],
): Promise<readonly string[]> {
  const rows = await sql.query<{ id: string }>(LIST_INHERITED_RUNS({ tenantId, threadId, take: limit }));
  return rows.map(({ id }) => id).toReversed();
}

export async function listThreadRuns(
  sql: TenantSql,
  tenantId: TenantId,
  params: Parameters<TenantStore["listThreadRuns"]>[0],
): Promise<Page<{ readonly runId: string; readonly status: RunStatus }>> {
  const { threadId, cursor } = params;
  const last = cursor === undefined ? undefined : cursorId(cursor);
  if (last === null) return EMPTY_PAGE;
  return readPage(
    params,
    ({ take }) =>
      sql.query<{ id: string; status: RunStatus }>(LIST_THREAD_RUNS({ tenantId, threadId, last: last ?? null, take })),
    (row) => ({ runId: row.id, status: row.status }),
  );
}
