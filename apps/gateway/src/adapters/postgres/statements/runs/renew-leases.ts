import type { FleetStore } from "../../../../ports/fleet-store.ts";
import { fleetStatement } from "../../statement.ts";
import type { Sql } from "../../sql.ts";

/**
 * Rows are locked in the order of their ids, so that two renewals of one gateway cannot deadlock. A lease that has
 * ended is renewed as long as nobody took the run.
 */
const RENEW_LEASES = fleetStatement({
  name: "renew-leases",
  parameters: { gatewayId: "text", leaseDurationMs: "float8", runIds: "uuid[]", epochs: "int[]" },
  text: `
with held as (
  select r.id from runs r join unnest(:runIds, :epochs) as h (id, epoch) on h.id = r.id
  where r.epoch = h.epoch and r.lease_owner = :gatewayId
  order by r.id for no key update of r
)
update runs r set wake_at = now() + :leaseDurationMs * interval '1 millisecond'
from held where r.id = held.id
returning r.id::text as run_id, r.epoch, r.inbox`,
});

type Params = Parameters<FleetStore["renewLeases"]>[0];

export async function renewLeases(sql: Sql, params: Params): ReturnType<FleetStore["renewLeases"]> {
  const { gatewayId, leaseDurationMs, runs } = params;
  if (runs.length === 0) return [];
  const rows = await sql.query<{ run_id: string; epoch: number; inbox: number }>(
    RENEW_LEASES({
      gatewayId,
      leaseDurationMs,
      runIds: runs.map((run) => run.runId),
      epochs: runs.map((run) => run.epoch),
    }),
  );
  return rows.map((row) => ({ runId: row.run_id, epoch: row.epoch, inbox: row.inbox }));
}
