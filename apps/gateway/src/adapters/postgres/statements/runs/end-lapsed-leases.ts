import { time } from "../../times.ts";
import { fleetStatement } from "../../statement.ts";
import type { Sql } from "../../sql.ts";

/**
 * SQL: whether a gateway's lease is over that still covers runs. After `judgesUntil` nobody can know (port, 3). The
 * limit keeps Postgres from reading all covered runs first.
 */
export const IS_ANY_LAPSED = `exists (
    select from gateway_leases l cross join lateral (
      select from runs r where r.lease_owner = l.gateway_id and r.wake_at is null limit 1
    ) as covered
    where l.ends_at <= now() and now() <= ${time(":judgesUntil")}
  )`;

/**
 * Gives the runs of gateways whose leases are over ends of their own, so that claims find them.
 *
 * 1. The lease is locked, and looked at again under the lock. A renewal in flight comes before, or finds what this did.
 * 2. The runs keep their owner, so that the claim still counts them as lost.
 */
const END_LAPSED_LEASES = fleetStatement({
  name: "end-lapsed-leases",
  parameters: { judgesUntil: "float8?" },
  text: `
-- 1.
with lapsed as materialized (
  select gateway_id, ends_at from gateway_leases
  where ends_at <= now() and now() <= ${time(":judgesUntil")}
  for no key update skip locked
),
covered as (
  select r.id, l.ends_at from lapsed l join runs r on r.lease_owner = l.gateway_id
  where r.wake_at is null
  order by r.id for no key update of r
)
-- 2.
update runs r set wake_at = c.ends_at from covered c where r.id = c.id`,
});

export async function endLapsedLeases(sql: Sql, params: { readonly judgesUntil: number | null }): Promise<void> {
  await sql.query(END_LAPSED_LEASES(params));
}
