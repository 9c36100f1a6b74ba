import type { FleetStore } from "../../../../ports/fleet-store.ts";
import {
  DELETED_DEVICE_KEPT_MS,
  GATEWAY_KEPT_MS,
  LAPSED_LEASE_KEPT_MS,
  REVOCATION_KEPT_MS,
  REVOKED_KEY_KEPT_MS,
  SWEEP_ROWS_MAX,
} from "../../../../ports/limits.ts";
import { fleetStatement } from "../../statement.ts";
import type { Sql } from "../../sql.ts";
import { removeThreads } from "../threads/remove-threads.ts";
import { foldUsage } from "../usage/fold-usage.ts";
import { OPEN_RUN } from "../../status-lists.ts";

/**
 * Rows that another sweep has locked are left to it. A session whose gateway never beat is given the same time to begin
 * with.
 */
const SWEEP = fleetStatement({
  name: "sweep",
  parameters: { gatewayTimeoutMs: "float8" },
  text: `
with recursive holder as (
  -- One step for each gateway that has sessions, and not one for each session.
  (select gateway_id from device_sessions where disconnected_at is null order by gateway_id limit 1)
  union all
  select (
    select s.gateway_id from device_sessions s
    where s.disconnected_at is null and s.gateway_id > h.gateway_id
    order by s.gateway_id limit 1
  )
  from holder h where h.gateway_id is not null
),
silent as materialized (
  select h.gateway_id from holder h
  where h.gateway_id is not null and not exists (
    select from gateways g
    where g.id = h.gateway_id and g.beaten_at > now() - :gatewayTimeoutMs * interval '1 millisecond'
  )
),
lost as (
  select s.id from silent cross join lateral (
    select id from device_sessions
    where gateway_id = silent.gateway_id and disconnected_at is null
      and connected_at < now() - :gatewayTimeoutMs * interval '1 millisecond'
    limit ${SWEEP_ROWS_MAX}
    for update skip locked
  ) as s
),
ended as (
  update device_sessions set disconnected_at = now(), reason = 'gateway_lost' where id = any(array(select id from lost))
),
forgotten as (
  delete from gateways where beaten_at < now() - interval '${GATEWAY_KEPT_MS} milliseconds'
),
-- No statement that could cover a run yet is under way for so long.
lapsed as (
  delete from gateway_leases l
  where l.ends_at < now() - interval '${LAPSED_LEASE_KEPT_MS} milliseconds'
    and not exists (select from runs r where r.lease_owner = l.gateway_id and r.wake_at is null)
),
outlived as (
  delete from revocations where revoked_at < now() - interval '${REVOCATION_KEPT_MS} milliseconds'
),
buried as (
  delete from api_keys where revoked_at < now() - interval '${REVOKED_KEY_KEPT_MS} milliseconds'
),
passed as (
  delete from deleted_devices where deleted_at < now() - interval '${DELETED_DEVICE_KEPT_MS} milliseconds'
),
due as (
  select r.id from runs r
  where r.wake_at is null and r.epoch = 0 and r.status = 'queued' and not exists (
    select from runs e
    where e.thread_id = r.thread_id and e.status in ${OPEN_RUN} and e.thread_turn < r.thread_turn
  )
  limit ${SWEEP_ROWS_MAX}
  for no key update of r skip locked
)
-- An array rather than a join: a join of two estimates would read all runs there are.
update runs set wake_at = now() where id = any(array(select id from due)) returning id::text`,
});

export async function sweep(
  sql: Sql,
  { gatewayTimeoutMs }: Parameters<FleetStore["sweep"]>[0],
): Promise<readonly string[]> {
  const rows = await sql.query<{ id: string }>(SWEEP({ gatewayTimeoutMs }));
  await removeThreads(sql);
  await foldUsage(sql);
  return rows.map((row) => row.id);
}
