import type { FleetStore } from "../../../../ports/fleet-store.ts";
import { fleetStatement } from "../../statement.ts";
import type { Sql } from "../../sql.ts";

const READ_NEWEST_RUNS = fleetStatement({
  name: "read-newest-runs",
  parameters: { threadIds: "uuid[]" },
  text: `
select t.id::text as thread_id, r.id::text as run_id
from threads t left join lateral (
  select id from runs where thread_id = t.id and tenant_id = t.tenant_id order by thread_turn desc limit 1
) as r on true
where t.id = any(:threadIds) and t.deleted_at is null`,
});

export async function readNewestRuns(
  sql: Sql,
  { threadIds }: Parameters<FleetStore["readNewestRuns"]>[0],
): ReturnType<FleetStore["readNewestRuns"]> {
  if (threadIds.length === 0) return new Map();
  const rows = await sql.query<{ thread_id: string; run_id: string | null }>(READ_NEWEST_RUNS({ threadIds }));
  return new Map(rows.map((row) => [row.thread_id, row.run_id]));
}
