import type { FleetStore } from "../../../../ports/fleet-store.ts";
import { time } from "../../times.ts";
import { fleetStatement } from "../../statement.ts";
import type { Sql } from "../../sql.ts";

/**
 * Reads the epochs and locks no run's row. Otherwise a batch of many runs would wait for each of them, and hold each of
 * them up. So a batch of a former holder may land just after its run was taken over. Its deltas belong to that holder's
 * own `step.started`, below the fact that discards the step, where they harm no reader (R2). After a restore a holder
 * may write deltas of a `step.started` that was lost. They must not stand there before another fact takes its place.
 */
const APPEND_DELTAS = fleetStatement({
  name: "append-deltas",
  parameters: {
    tenantIds: "uuid[]",
    runIds: "uuid[]",
    epochs: "int[]",
    seqs: "int[]",
    subs: "int[]",
    types: "text[]",
    payloads: "text[]",
    times: "float8[]",
  },
  text: `
insert into run_events (tenant_id, run_id, seq, sub, type, payload, bytes, created_at)
select r.tenant_id, r.id, d.seq, d.sub, d.type, d.payload::json, octet_length(d.payload), ${time("d.ts")}
from unnest(:tenantIds, :runIds, :epochs, :seqs, :subs, :types, :payloads, :times)
  as d (tenant_id, run_id, epoch, seq, sub, type, payload, ts)
join runs r on r.id = d.run_id and r.tenant_id = d.tenant_id and r.epoch = d.epoch and r.last_seq >= d.seq
order by d.run_id, d.seq, d.sub
on conflict (run_id, seq, sub) do nothing`,
});

type Params = Parameters<FleetStore["appendDeltas"]>[0];

export async function appendDeltas(sql: Sql, { rows }: Params): Promise<void> {
  if (rows.length === 0) return;
  await sql.query(
    APPEND_DELTAS({
      tenantIds: rows.map((row) => row.tenantId),
      runIds: rows.map((row) => row.runId),
      epochs: rows.map((row) => row.epoch),
      seqs: rows.map((row) => row.record.seq),
      subs: rows.map((row) => row.record.sub),
      types: rows.map((row) => row.record.type),
      payloads: rows.map((row) => row.record.payload),
      times: rows.map((row) => row.record.ts),
    }),
  );
}
