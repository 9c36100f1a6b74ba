import type { FleetStore } from "../../../../ports/fleet-store.ts";
import type { Sql } from "../../sql.ts";

/** Without an owner the next claim finds a run that was handed over, not lost. */
const RELEASE_LEASES = {
  name: "release-leases",
  text: `
with held as (
  select r.id from runs r join unnest($1::uuid[], $2::int[]) as h (id, epoch) on h.id = r.id
  where r.epoch = h.epoch and r.lease_owner is not null
  order by r.id for no key update of r
)
update runs r set lease_owner = null, wake_at = now() from held where r.id = held.id`,
};

type Params = Parameters<FleetStore["releaseLeases"]>[0];

export async function releaseLeases(sql: Sql, { runs }: Params): Promise<void> {
  if (runs.length === 0) return;
  await sql.query(RELEASE_LEASES, [runs.map((run) => run.runId), runs.map((run) => run.epoch)]);
}
