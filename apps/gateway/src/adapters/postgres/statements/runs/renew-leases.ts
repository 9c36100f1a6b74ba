import type { FleetStore } from "../../../../ports/fleet-store.ts";
import { fleetStatement } from "../../statement.ts";
import type { Sql } from "../../sql.ts";

/**
 * SQL: the lease of a gateway goes on, and covers what it covered.
 *
 * 1. A renewal writes one row for all runs. A run is covered if it has an owner and no `wake_at`.
 * 2. A run that is not named keeps the end that its lease had. From then on it stands in `wake_at`.
 * 3. Rows of runs are locked in the order of their ids, so that two renewals of one gateway cannot deadlock.
 * 4. The lease goes on before its runs are read, in a statement of its own. `END_LAPSED_LEASES` locks the same row, so
 *    what it has ended is seen by then.
 */
const RENEW_GATEWAY_LEASE = fleetStatement({
  name: "renew-gateway-lease",
  parameters: { gatewayId: "text", leaseDurationMs: "float8", runIds: "uuid[]", epochs: "int[]" },
  text: `
with lease as materialized (
  select ends_at from gateway_leases where gateway_id = :gatewayId for no key update
),
-- 2. 3.
unnamed as (
  select r.id from runs r
  where r.lease_owner = :gatewayId and r.wake_at is null
    -- "Not in" is hashed, whatever statistics say.
    and (r.id, r.epoch) not in (select * from unnest(:runIds, :epochs))
  order by r.id for no key update
),
uncovered as (
  update runs r set wake_at = coalesce((select ends_at from lease), now()) from unnamed u where r.id = u.id returning r.id
)
-- 1. The count makes this the last thing that is done: what it replaces was read by then.
insert into gateway_leases (gateway_id, ends_at)
select :gatewayId, now() + :leaseDurationMs * interval '1 millisecond' where (select count(*) from uncovered) >= 0
on conflict (gateway_id) do update set ends_at = excluded.ends_at`,
});

/**
 * SQL: the runs that are still held. Those that have a lease of their own are covered from now on, once in a hold.
 *
 * 1. A lease that has ended is renewed as long as nobody took the run.
 * 2. Nothing is covered by a lease that is over. It would belong to nobody.
 * 3. Under the lock only the holder is tested again. Another renewal may have covered the run meanwhile.
 * 4. A covered run needs no lock: nobody takes it before its gateway's lease is over, or its gateway is dead.
 */
const COVER_RUNS = fleetStatement({
  name: "cover-runs",
  parameters: { gatewayId: "text", runIds: "uuid[]", epochs: "int[]" },
  text: `
with lease as materialized (
  select from gateway_leases where gateway_id = :gatewayId and ends_at > now()
),
held as materialized (
  select r.id, r.epoch, r.inbox, r.wake_at is not null and exists (select from lease) as is_loose
  from unnest(:runIds, :epochs) as h (id, epoch) join runs r on r.id = h.id
  where r.epoch = h.epoch and r.lease_owner = :gatewayId
),
-- 1. 2. 3.
loose as (
  select r.id from held h join runs r on r.id = h.id
  where h.is_loose and r.epoch = h.epoch and r.lease_owner = :gatewayId
  order by r.id for no key update of r
),
covered as (
  update runs r set wake_at = null from loose l where r.id = l.id returning r.id, r.epoch, r.inbox
)
select id::text as run_id, epoch, inbox from covered
union all
-- 4.
select id::text, epoch, inbox from held where not is_loose`,
});

type Params = Parameters<FleetStore["renewLeases"]>[0];

export async function renewLeases(sql: Sql, params: Params): ReturnType<FleetStore["renewLeases"]> {
  const { gatewayId, leaseDurationMs, runs } = params;
  if (runs.length === 0) return [];
  const named = { gatewayId, runIds: runs.map((run) => run.runId), epochs: runs.map((run) => run.epoch) };
  await sql.query(RENEW_GATEWAY_LEASE({ ...named, leaseDurationMs }));
  const rows = await sql.query<{ run_id: string; epoch: number; inbox: number }>(COVER_RUNS(named));
  return rows.map((row) => ({ runId: row.run_id, epoch: row.epoch, inbox: row.inbox }));
}
