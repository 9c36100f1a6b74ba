import type { FleetStore } from "../../../../ports/fleet-store.ts";
import { time } from "../../times.ts";
import { isLifelineCut } from "../../lifeline.ts";
import { fleetStatement } from "../../statement.ts";
import type { Sql } from "../../sql.ts";

/**
 * 1. Of several that judge at once, one gets a dead gateway's row. A later one reads the row anew, and finds what the
 *    first did, or that the gateway has just beaten.
 * 2. Lifelines are tried only for gateways that are silent. As a rule there are none, and then no run is looked at.
 * 3. Rows are locked in the order of their ids, as renewals do, and registrations of devices.
 * 4. The leases keep their owner, so that the claim still counts them as lost.
 */
export const END_DEAD_GATEWAYS = fleetStatement({
  name: "end-dead-gateways",
  parameters: { silenceMs: "float8", until: "float8" },
  text: `
-- 1.
with silent as materialized (
  select id from gateways
  where lifeline = pg_postmaster_start_time() and beaten_at < now() - :silenceMs * interval '1 millisecond'
    and now() <= ${time(":until")}
  for no key update skip locked
),
-- 2.
dead as materialized (select id from silent where ${isLifelineCut("id")}),
known as (update gateways set lifeline = null where id in (select id from dead)),
-- 3.
open as materialized (
  select s.id from device_sessions s
  where s.disconnected_at is null and s.gateway_id = any(array(select id from dead))
  order by s.id for no key update
),
ended as (
  update device_sessions set disconnected_at = now(), reason = 'gateway_lost'
  where id = any(array(select id from open)) and disconnected_at is null
),
-- 3. 4.
owned as materialized (
  select r.id from runs r where r.wake_at is null and r.lease_owner = any(array(select id from dead))
  union all
  select r.id from runs r
  where exists (select from dead) and r.wake_at > now() and r.epoch > 0 and r.lease_owner = any(array(select id from dead))
),
held as (
  select r.id from runs r
  where r.id = any(array(select id from owned)) and r.lease_owner = any(array(select id from dead))
    and (r.wake_at is null or r.wake_at > now())
  order by r.id for no key update of r
)
update runs r set wake_at = now() from held where r.id = held.id returning r.id::text`,
});

export async function endDeadGateways(
  sql: Sql,
  { silenceMs, until }: Parameters<FleetStore["endDeadGateways"]>[0],
): Promise<readonly string[]> {
  const rows = await sql.query<{ id: string }>(END_DEAD_GATEWAYS({ silenceMs, until }));
  return rows.map((row) => row.id);
}
