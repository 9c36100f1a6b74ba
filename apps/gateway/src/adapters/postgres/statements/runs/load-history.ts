import type { FleetStore, LoadedFacts } from "../../../../ports/fleet-store.ts";
import { HISTORY_READ_BYTES_MAX } from "../../../../ports/limits.ts";
import { EVENT_BYTES, EVENT_COLUMNS, type EventRow, eventRecord } from "../../event-rows.ts";
import { tenantStatement } from "../../statement.ts";
import type { Sql } from "../../sql.ts";

/** Postgres measures one run after the other, and stops where the page ends. What is too large is not fetched. */
const LOAD_HISTORY = tenantStatement({
  name: "load-history",
  parameters: { runIds: "uuid[]", bytesMax: "int" },
  text: `
with recursive page as (
  select 0 as n, 0::bigint as own, 0::bigint as total
  union all
  select next.n, next.own, page.total + case when next.own > :bytesMax then 0 else next.own end
  from page cross join lateral (
    select page.n + 1 as n, coalesce((
      select sum(${EVENT_BYTES})::bigint from run_events
      where run_id = (:runIds)[page.n + 1] and tenant_id = :tenantId and sub = 0
    ), 0) as own
  ) as next
  where page.n < cardinality(:runIds) and page.total < ${HISTORY_READ_BYTES_MAX}
)
select page.n, page.own > :bytesMax as too_large, ${EVENT_COLUMNS}
from page left join run_events
  on run_id = (:runIds)[page.n] and tenant_id = :tenantId and sub = 0 and page.own <= :bytesMax
where page.n > 0
order by page.n, seq`,
});

/** Without an event: the run has none, or too many bytes of them. */
type Row = { readonly n: number; readonly too_large: boolean } & (EventRow | { readonly seq: null });

export async function loadHistory(
  sql: Sql,
  { tenantId, runIds, bytesMax }: Parameters<FleetStore["loadHistory"]>[0],
): ReturnType<FleetStore["loadHistory"]> {
  if (runIds.length === 0) return [];
  const rows = await sql.query<Row>(LOAD_HISTORY({ tenantId, runIds, bytesMax }));
  return [...Map.groupBy(rows, ({ n }) => n)].map(([n, ofRun]): LoadedFacts => {
    const facts = ofRun.flatMap((row) => (row.seq === null ? [] : [eventRecord(row)]));
    return { runId: runIds[n - 1] ?? "", facts: ofRun[0]?.too_large === true ? null : facts };
  });
}
