import { CLAIM_TENANTS_MAX } from "../../limits.ts";
import { RECOVERIES_MAX } from "../../../../core/limits.ts";
import type { FleetStore } from "../../../../ports/fleet-store.ts";
import { PLACES_PER_FREE_PLACE } from "../../../../ports/limits.ts";
import { millis, time } from "../../times.ts";
import { fleetStatement } from "../../statement.ts";
import type { Sql } from "../../sql.ts";
import { OPEN_RUN } from "../../status-lists.ts";
import type { TenantId } from "../../../../core/tenant-id.ts";
import { endLapsedLeases, IS_ANY_LAPSED } from "./end-lapsed-leases.ts";

/**
 * SQL: whether the row `r` of a run that has begun may be taken (port, 3). After `judgesUntil` no run is taken that has
 * an owner. Nor is one with an overdue call: its result may have been kept away by what cut this gateway off. A run
 * goes on all the same if an input waits for it. Infinity is a time too.
 */
const MAY_TAKE = `(
    now() <= ${time(":judgesUntil")}
    or r.lease_owner is null and (
      r.inbox > 0
      or not exists (select from tool_calls c where c.run_id = r.id and c.status = 'dispatched' and c.deadline <= now())
    )
  )`;

/** SQL: whether the server was judged since it started (`ports/generation.ts`). */
export const IS_JUDGED = "(select server_started_at is not distinct from pg_postmaster_start_time() from store_state)";

/** SQL: whether a claim of the row `r` finds a lost lease that counts (port, 6). */
const IS_LOST = "(r.lease_owner is not null and not r.is_reprieved)";

/** SQL: whether a run will be on its last chance once it is claimed. */
const ON_LAST_CHANCE = `(r.recoveries + ${IS_LOST}::int = ${RECOVERIES_MAX})`;

/** SQL: whether a run that has begun is due, and is not on its last chance. */
const BEGUN_IS_DUE = `r.wake_at <= now() and r.epoch > 0 and ${MAY_TAKE} and not ${ON_LAST_CHANCE}`;

/**
 * SQL: the next tenant after `after` (a uuid; null: from the first) that has a run due. An index is walked tenant by
 * tenant, one step at a time. Runs that have begun are looked for only if they are too many to be ranked all.
 */
function nextTenant(after: string): string {
  const isLater = `r.tenant_id > coalesce(${after}, '00000000-0000-0000-0000-000000000000'::uuid)`;
  return `least(
    (select tenant_id from runs r where r.wake_at <= now() and r.epoch = 0 and ${isLater} order by tenant_id limit 1),
    (
      select tenant_id from runs r
      where (select are_many from begun) and ${BEGUN_IS_DUE} and ${isLater} order by tenant_id limit 1
    )
  )`;
}

/**
 * SQL: how many tenants a claim visits. Each gives a run, and one more tells whether any run is left. Those that hold
 * their share already may give none.
 */
const TENANTS = `least(${CLAIM_TENANTS_MAX}, :limit + 1) + cardinality(:holders)`;

/**
 * 1. Runs on their last chance are taken apart from the others: they are few, and fewer may be taken. Their tenants
 *    form a ring, which starts after the tenant served last.
 * 2. Of runs that have begun the oldest are looked at. If there are more than may be taken, these may all be of one
 *    tenant. Then the tenants are visited, as they are for new runs. They form a ring, too.
 * 3. A new run on a thread must be the first of the thread's open runs, unless a cancel waits for it.
 * 4. The order of all runs, and which of them their tenants may have, are those of `sharePlaces`.
 * 5. Runs are ranked without locks, since Postgres cannot lock a ranked list, and are then locked. Rows that another
 *    claim has locked are skipped. What a lock finds changed is tested again.
 * 6. A run whose owner's lease ended was lost, and that counts. Progress clears the count.
 * 7. The time until the next claim passes over runs on their last chance, and runs whose tenant has its share. No
 *    gateway has to hurry for them. It knows the ends of gateways' leases (`renew-leases.ts`).
 * 8. When such a lease is over, its runs are given ends of their own, and are claimed then.
 */
const CLAIM_RUNS = fleetStatement({
  name: "claim-runs",
  parameters: {
    gatewayId: "text",
    claimNumber: "int",
    leaseDurationMs: "float8",
    limit: "int",
    free: "int",
    holders: "uuid[]",
    held: "int[]",
    judgesUntil: "float8?",
    lastChancesMax: "int",
    servedLast: "uuid?",
    chanceServedLast: "uuid?",
  },
  text: `
-- 1.
with recursive last_chance as materialized (
  select id, tenant_id, ${IS_LOST} as lost from runs r
  where r.wake_at <= now() and r.epoch > 0 and ${MAY_TAKE} and r.recoveries > 0 and ${ON_LAST_CHANCE}
  order by coalesce(tenant_id <= :chanceServedLast, false), tenant_id, wake_at limit least(:limit, :lastChancesMax)
  for no key update skip locked
),
room as (select count(*)::int as taken from last_chance),
-- 2.
oldest as materialized (
  select id, tenant_id, epoch, wake_at from runs r where ${BEGUN_IS_DUE} order by wake_at limit :limit + 1
),
begun as materialized (select count(*) > :limit as are_many from oldest),
after_last (tenant_id, place) as (
  select * from (select ${nextTenant(":servedLast")} as tenant_id, 1 as place) as first where tenant_id is not null
  union all
  select ${nextTenant("t.tenant_id")}, t.place + 1 from after_last t where t.tenant_id is not null and t.place < ${TENANTS}
),
up_to_last (tenant_id, place) as (
  select * from (select ${nextTenant("null::uuid")} as tenant_id, 1 as place where :servedLast is not null) as first where tenant_id <= :servedLast
  union all
  select * from (select ${nextTenant("t.tenant_id")} as tenant_id, t.place + 1 from up_to_last t where t.place < ${TENANTS}) as step where tenant_id <= :servedLast
),
ring as (
  select tenant_id from after_last where tenant_id is not null union all select tenant_id from up_to_last
),
due as (
  select * from oldest where not (select are_many from begun)
  union all
  select c.* from ring cross join lateral (
    select r.id, r.tenant_id, r.epoch, r.wake_at from runs r
    where (select are_many from begun) and r.tenant_id = ring.tenant_id and ${BEGUN_IS_DUE}
    -- One more than may be taken, to know whether any is left. So it is below.
    order by r.wake_at limit :limit + 1
  ) as c
  union all
  select c.* from ring cross join lateral (
    select r.id, r.tenant_id, r.epoch, r.wake_at from runs r
    where r.tenant_id = ring.tenant_id and r.wake_at <= now() and r.epoch = 0
      and (
        -- 3.
        r.thread_id is null
        or not exists (
          select from runs e
          where e.thread_id = r.thread_id and e.status in ${OPEN_RUN} and e.thread_turn < r.thread_turn
        )
        or exists (select from run_inputs i where i.run_id = r.id and i.kind = 'cancel' and not i.consumed)
      )
    order by r.wake_at limit :limit + 1
  ) as c
),
-- 4.
wanted as (
  select due.*, coalesce(h.runs, 0) - 1
    + row_number() over (partition by due.tenant_id order by due.epoch = 0, due.wake_at, due.id) as held
  from due left join unnest(:holders, :held) as h (tenant_id, runs) on h.tenant_id = due.tenant_id
),
ranked as (
  select id, epoch, held,
    row_number() over (order by held, coalesce(tenant_id <= :servedLast, false), tenant_id) as place
  from wanted
),
shared as materialized (
  select *, held < ${PLACES_PER_FREE_PLACE} * (:free - room.taken - (place - 1)) as fits from ranked cross join room
),
-- 5.
others as materialized (
  select r.id, r.tenant_id, s.place, ${IS_LOST} as lost from shared s join runs r on r.id = s.id
  where s.fits and r.epoch = s.epoch and r.wake_at <= now() and (r.epoch = 0 or ${MAY_TAKE} and not ${ON_LAST_CHANCE})
  order by s.place
  limit greatest(0, :limit - (select taken from room))
  for no key update of r skip locked
),
taken as (select id, lost from last_chance union all select id, lost from others),
claimed as (
  update runs r set
    epoch = r.epoch + 1,
    lease_owner = :gatewayId,
    claim_number = :claimNumber,
    wake_at = now() + :leaseDurationMs * interval '1 millisecond',
    -- 6.
    recoveries = r.recoveries + taken.lost::int,
    is_reprieved = r.recoveries + taken.lost::int > ${RECOVERIES_MAX}
  from taken where r.id = taken.id and ${IS_JUDGED}
  returning r.id::text, r.tenant_id::text, r.epoch, r.last_seq, taken.lost, r.recoveries, r.stalls
),
-- 7.
coming as (
  (
    select wake_at from runs r
    where r.wake_at > now() and r.epoch > 0 and ${MAY_TAKE} order by wake_at limit 1
  )
  union all
  (select ends_at from gateway_leases where ends_at > now() and now() <= ${time(":judgesUntil")} order by ends_at limit 1)
  union all
  (select now() from shared where fits and id <> all (array(select id from taken)) limit 1)
)
select floor(${millis("now()")}) as now,
  (select tenant_id::text from others order by place desc limit 1) as served_last,
  (
    select tenant_id::text from last_chance
    order by coalesce(tenant_id <= :chanceServedLast, false) desc, tenant_id desc limit 1
  ) as chance_served_last,
  (select ${millis("greatest(wake_at, now())")} - ${millis("now()")} from coming order by wake_at limit 1) as next_wake_in_ms,
  exists (select from shared where not fits) as is_any_withheld,
  -- 8.
  ${IS_ANY_LAPSED} as is_any_lapsed,
  claimed.*
from (select) as one left join claimed on true`,
});

interface Row {
  readonly now: number;
  readonly served_last: string | null;
  readonly chance_served_last: string | null;
  readonly next_wake_in_ms: number | null;
  readonly is_any_withheld: boolean;
  readonly is_any_lapsed: boolean;
  readonly id: string | null;
  readonly tenant_id: TenantId;
  readonly epoch: number;
  readonly last_seq: number;
  readonly lost: boolean;
  readonly recoveries: number;
  readonly stalls: number;
}

type Claim = FleetStore["claimRuns"];

/** The claim of one gateway. It remembers the tenants served last, so that tenants take turns across claims too. */
export function claimRuns(sql: Sql): Claim {
  let servedLast: string | null = null;
  let chanceServedLast: string | null = null;
  return async ({ places: { free, heldBy }, ...params }) => {
    const take = (): Promise<readonly Row[]> =>
      sql.query<Row>(
        CLAIM_RUNS({
          ...params,
          free,
          holders: [...heldBy.keys()],
          held: [...heldBy.values()],
          servedLast,
          chanceServedLast,
        }),
      );
    let rows = await take();
    const isAnyLapsed = rows[0]?.is_any_lapsed === true;
    if (isAnyLapsed) await endLapsedLeases(sql, { judgesUntil: params.judgesUntil }); // 8.
    const isEmpty = rows.every((row) => row.id === null);
    if (isAnyLapsed && isEmpty) rows = await take();
    const [first] = rows;
    if (first === undefined) throw new Error("a claim always returns a row");
    servedLast = first.served_last ?? servedLast;
    chanceServedLast = first.chance_served_last ?? chanceServedLast;
    const runs = rows.flatMap((row) =>
      row.id === null
        ? []
        : [
            {
              runId: row.id,
              tenantId: row.tenant_id,
              epoch: row.epoch,
              lastSeq: row.last_seq,
              lost: row.lost,
              recoveries: row.recoveries,
              stalls: row.stalls,
            },
          ],
    );
    const nextWakeInMs = isAnyLapsed && !isEmpty ? 0 : first.next_wake_in_ms;
    return { now: first.now, runs, nextWakeInMs, isAnyWithheld: first.is_any_withheld };
  };
}
