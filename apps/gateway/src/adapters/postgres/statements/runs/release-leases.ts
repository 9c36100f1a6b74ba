import type { FleetStore } from "../../../../ports/fleet-store.ts";
import { fleetStatement } from "../../statement.ts";
import type { Sql } from "../../sql.ts";

/** Without an owner the next claim finds a run that was handed over, not lost. */
const RELEASE_LEASES = fleetStatement({
  name: "release-leases",
  parameters: { runIds: "uuid[]", epochs: "int[]" },
  text: `
with held as (
  select r.id from runs r join unnest(:runIds, :epochs) as h (id, epoch) on h.id = r.id
  where r.epoch = h.epoch and r.lease_owner is not null
  order by r.id for no key update of r
)
update runs r set lease_owner = null, wake_at = now() from held where r.id = held.id`,
});

type Params = Parameters<FleetStore["releaseLeases"]>[0];

export async function releaseLeases(sql: Sql, { runs }: Params): Promise<void> {
  if (runs.length === 0) return;
  await sql.query(RELEASE_LEASES({ runIds: runs.map((run) => run.runId), epochs: runs.map((run) => run.epoch) }));
}
