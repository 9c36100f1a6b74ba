import type { FleetStore } from "../../../../ports/fleet-store.ts";
import { time } from "../../event-rows.ts";
import type { Sql } from "../../sql.ts";

/**
 * Reads the epochs and locks no run's row: a batch of many runs would otherwise wait for each, and hold up each. A
 * zombie's batch may thus land just after its run was taken over; its deltas hang under its own `step.started`, below
 * the fact that discards the step, where they harm nobody (R2).
 */
const APPEND_DELTAS = {
  name: "append-deltas",
  text: `
insert into run_events (tenant_id, run_id, seq, sub, type, payload, created_at)
select r.tenant_id, r.id, d.seq, d.sub, d.type, d.payload::json, ${time("d.ts")}
from unnest($1::uuid[], $2::uuid[], $3::int[], $4::int[], $5::int[], $6::text[], $7::text[], $8::float8[])
  as d (tenant_id, run_id, epoch, seq, sub, type, payload, ts)
join runs r on r.id = d.run_id and r.tenant_id = d.tenant_id and r.epoch = d.epoch
order by d.run_id, d.seq, d.sub
on conflict (run_id, seq, sub) do nothing`,
};

type Params = Parameters<FleetStore["appendDeltas"]>[0];

export async function appendDeltas(sql: Sql, { rows }: Params): Promise<void> {
  if (rows.length === 0) return;
  await sql.query(APPEND_DELTAS, [
    rows.map((row) => row.tenantId),
    rows.map((row) => row.runId),
    rows.map((row) => row.epoch),
    rows.map((row) => row.record.seq),
    rows.map((row) => row.record.sub),
    rows.map((row) => row.record.type),
    rows.map((row) => row.record.payload),
    rows.map((row) => row.record.ts),
  ]);
}
