import type { FleetStore } from "../../../../ports/fleet-store.ts";
import { fleetStatement } from "../../statement.ts";
import type { Sql } from "../../sql.ts";

/**
 * Rows are locked in the order of their ids, as renewals do. Of a bystander only a claim after this epoch can have
 * counted the loss.
 */
const SETTLE_STALLS = fleetStatement({
  name: "settle-stalls",
  parameters: {
    stalledIds: "uuid[]",
    stalls: "int[]",
    forgivenIds: "uuid[]",
    epochs: "int[]",
  },
  text: `
with costs as (
  select s.id, s.stalls, null::int as epoch from unnest(:stalledIds, :stalls) as s (id, stalls)
  union all
  select f.id, 0, f.epoch from unnest(:forgivenIds, :epochs) as f (id, epoch)
),
held as (
  select r.id, r.epoch from runs r where r.id in (select id from costs) order by r.id for no key update of r
),
sums as (
  select held.id, max(c.stalls) as stalls, coalesce(bool_or(held.epoch > c.epoch), false)::int as forgiven
  from held join costs c on c.id = held.id
  group by held.id
)
update runs r set stalls = greatest(r.stalls, sums.stalls), recoveries = greatest(0, r.recoveries - sums.forgiven)
from sums where r.id = sums.id`,
});

type Params = Parameters<FleetStore["settleStalls"]>[0];

export async function settleStalls(sql: Sql, { stalled, forgiven }: Params): Promise<void> {
  if (stalled.length === 0 && forgiven.length === 0) return;
  await sql.query(
    SETTLE_STALLS({
      stalledIds: stalled.map(({ runId }) => runId),
      stalls: stalled.map(({ stalls }) => stalls),
      forgivenIds: forgiven.map(({ runId }) => runId),
      epochs: forgiven.map(({ epoch }) => epoch),
    }),
  );
}
