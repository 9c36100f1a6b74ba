import type { FleetStore } from "../../../../ports/fleet-store.ts";
import { isLifelineCut } from "../../lifeline.ts";
import type { Sql } from "../../sql.ts";

/**
 * Of several who ask at once, one gets a dead gateway's row; whoever comes after it reads the row anew, as it does
 * where the gateway has just beaten. Lifelines are tried only for those that are silent, which is nobody as a rule;
 * then no run is looked at. Rows are locked in the order of their ids, as renewals do. The leases keep their owner, so
 * that the claim still counts them as lost.
 */
export const END_DEAD_GATEWAYS = {
  name: "end-dead-gateways",
  text: `
with silent as materialized (
  select id from gateways
  where lifeline = pg_postmaster_start_time() and beaten_at < now() - $1::float8 * interval '1 millisecond'
    and now() <= to_timestamp($2::float8 / 1000)
  for no key update skip locked
),
dead as materialized (select id from silent where ${isLifelineCut("id")}),
known as (update gateways set lifeline = null where id in (select id from dead)),
ended as (
  update device_sessions set disconnected_at = now(), reason = 'gateway_lost'
  where disconnected_at is null and gateway_id = any(array(select id from dead))
),
held as (
  select r.id from runs r
  where exists (select from dead) and r.wake_at > now() and r.epoch > 0 and r.lease_owner = any(array(select id from dead))
  order by r.id for no key update of r
)
update runs r set wake_at = now() from held where r.id = held.id returning r.id::text`,
};

export async function endDeadGateways(
  sql: Sql,
  { silenceMs, until }: Parameters<FleetStore["endDeadGateways"]>[0],
): Promise<readonly string[]> {
  const rows = await sql.query<{ id: string }>(END_DEAD_GATEWAYS, [silenceMs, until]);
  return rows.map((row) => row.id);
}
