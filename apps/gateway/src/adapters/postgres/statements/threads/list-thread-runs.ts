import type { Page, RunStatus } from "@hsafa/protocol";
import type { TenantId } from "../../../../core/tenant-id.ts";
import { cursorId } from "../../../../ports/page-cursor.ts";
import type { TenantStore } from "../../../../ports/tenant-store.ts";
import { THREAD_TURN_MAX } from "../../limits.ts";
import { EMPTY_PAGE, readPage } from "../../page.ts";
import type { TenantSql } from "../../sql.ts";
import { tenantStatement } from "../../statement.ts";
import { threadLine } from "../../thread-line.ts";

/** The runs of one thread of a line in a range of turns. The index has them in this order, and ends with the page. */
function runsOf(line: string, { beyond, order }: { readonly beyond: string; readonly order: "asc" | "desc" }): string {
  return `(
  select r.id, r.status, r.thread_turn from runs r
  where r.thread_id = ${line}.id and r.tenant_id = :tenantId and r.status <> 'merged'
    and r.thread_turn > ${beyond} and r.thread_turn <= case when ${line}.turns is null then ${THREAD_TURN_MAX} else ${line}.turns end
  order by r.thread_turn ${order} limit :take
)`;
}

/** The runs after the one that a cursor names, which is looked up for its place; null: from the first. */
const LIST_THREAD_RUNS = tenantStatement({
  name: "list-thread-runs",
  parameters: { threadId: "uuid", last: "uuid?", take: "int" },
  text: `
with whole as materialized (
  select line.id, line.turns, line.place from threads t cross join lateral ${threadLine("null::int")}
  where t.id = :threadId and t.tenant_id = :tenantId
), last as materialized (
  select w.place, r.thread_turn as turn from runs r join whole w on w.id = r.thread_id
  where r.id = :last and r.tenant_id = :tenantId
), line as materialized (
  select w.id, w.turns, w.place, coalesce(l.turn, 0) as beyond
  from whole w left join last l on l.place = w.place
  where case when :last is null then true else w.place >= (select place from last) end
)
select page.id::text, page.status
from line cross join lateral ${runsOf("line", { beyond: "line.beyond", order: "asc" })} as page
order by line.place, page.thread_turn limit :take`,
});

const LIST_INHERITED_RUNS = tenantStatement({
  name: "list-inherited-runs",
  parameters: { threadId: "uuid", take: "int" },
  text: `
select page.id::text
from threads t
cross join lateral unnest(t.ancestor_ids, t.ancestor_turns) with ordinality as a (id, turns, place)
cross join lateral ${runsOf("a", { beyond: "0", order: "desc" })} as page
where t.id = :threadId and t.tenant_id = :tenantId
order by a.place desc, page.thread_turn desc limit :take`,
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
