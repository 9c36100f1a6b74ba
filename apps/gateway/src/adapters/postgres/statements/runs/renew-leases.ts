import type { FleetStore } from "../../../../ports/fleet-store.ts";
import type { Sql } from "../../sql.ts";

/**
 * Rows are locked in the order of their ids, so that two beats of one gateway cannot lock each other out. A lease that
 * has ended is renewed as long as nobody took it.
 */
const RENEW_LEASES = {
  name: "renew-leases",
  text: `
with held as (
  select r.id from runs r join unnest($3::uuid[], $4::int[]) as h (id, epoch) on h.id = r.id
  where r.epoch = h.epoch and r.lease_owner = $1
  order by r.id for no key update of r
)
update runs r set wake_at = now() + $2::float8 * interval '1 millisecond'
from held where r.id = held.id
returning r.id::text as run_id, r.epoch, r.inbox`,
};

type Params = Parameters<FleetStore["renewLeases"]>[0];

export async function renewLeases(sql: Sql, params: Params): ReturnType<FleetStore["renewLeases"]> {
  const { gatewayId, leaseDurationMs, runs } = params;
  if (runs.length === 0) return [];
  const rows = await sql.query<{ run_id: string; epoch: number; inbox: number }>(RENEW_LEASES, [
    gatewayId,
    leaseDurationMs,
    runs.map((run) => run.runId),
    runs.map((run) => run.epoch),
  ]);
  return rows.map((row) => ({ runId: row.run_id, epoch: row.epoch, inbox: row.inbox }));
}
