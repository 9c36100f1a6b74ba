import { CLAIM_TENANTS_MAX } from "../../limits.ts";
import { RECOVERIES_MAX } from "../../../../core/limits.ts";
import type { FleetStore } from "../../../../ports/fleet-store.ts";
import { millis, time } from "../../times.ts";
import { fleetStatement } from "../../statement.ts";
import type { Sql } from "../../sql.ts";
import { OPEN_RUN } from "../../status-lists.ts";

/**
 * SQL: the next tenant after `after` (a uuid; null: from the first) that has a new run due. An index is walked tenant
 * by tenant, one step at a time.
 */
function nextTenant(after: string): string {
  return `(
    select tenant_id from runs
    where wake_at <= now() and epoch = 0 and (${after} is null or tenant_id > ${after})
    order by tenant_id limit 1
  )`;
}

/**
 * SQL: whether a run that has begun may be taken (port, 3). After `judgesUntil` no run is taken that has an owner. Nor
 * is one with an overdue call: its result may have been kept away by what cut this gateway off. A run goes on all the
 * same if an input waits for it. Infinity is a time too.
 */
const MAY_TAKE = `(
    now() <= ${time(":judgesUntil")}
    or lease_owner is null and (
      inbox > 0
      or not exists (select from tool_calls c where c.run_id = runs.id and c.status = 'dispatched' and c.deadline <= now())
    )
  )`;

/** SQL: whether a run will be on its last chance once it is claimed. */
const ON_LAST_CHANCE = `(recoveries + (lease_owner is not null)::int = ${RECOVERIES_MAX})`;

/** SQL: how many tenants a claim visits. Each gives a run, and one more tells whether any run is left. */
const TENANTS = `least(${CLAIM_TENANTS_MAX}, :limit + 1)`;

/**
 * 1. Runs that have begun come first, in the order in which they became due. Those on their last chance are taken apart
 *    from the others: they are few, and fewer may be taken.
 * 2. Then come new runs. Tenants form a ring that starts after the tenant served last. The first run of each comes,
 *    then the second of each, and so on.
 * 3. A new run on a thread must be the first of the thread's open runs, unless a cancel waits for it.
 * 4. New runs are ranked without locks, since Postgres cannot lock a ranked list, and are then locked. Rows that
 *    another claim has locked are skipped. What a lock finds changed is tested again.
 * 5. A run whose owner's lease ended was lost, and that counts. Progress clears the count.
 * 6. The time until the next claim passes over a run on its last chance that was left: no gateway has to hurry for it.
 */
const CLAIM_RUNS = fleetStatement({
  name: "claim-runs",
  parameters: {
    gatewayId: "text",
    claimNumber: "int",
    leaseDurationMs: "float8",
    limit: "int",
    judgesUntil: "float8?",
    lastChancesMax: "int",
    servedLast: "uuid?",
  },
  text: `
-- 1.
with recursive last_chance as materialized (
  select id, lease_owner is not null as lost from runs
  where wake_at <= now() and epoch > 0 and ${MAY_TAKE} and recoveries > 0 and ${ON_LAST_CHANCE}
  order by wake_at limit least(:limit, :lastChancesMax)
  for no key update skip locked
),
begun as materialized (
  select id, lease_owner is not null as lost from runs
  where wake_at <= now() and epoch > 0 and ${MAY_TAKE} and not ${ON_LAST_CHANCE}
  order by wake_at limit :limit - (select count(*)::int from last_chance)
  for no key update skip locked
),
-- 2.
after_last (tenant_id, place) as (
  select * from (select ${nextTenant(":servedLast")} as tenant_id, 1 as place) as first where tenant_id is not null
  union all
  select ${nextTenant("t.tenant_id")}, t.place + 1 from after_last t where t.tenant_id is not null and t.place < ${TENANTS}
),
up_to_last (tenant_id, place) as (
  select * from (select ${nextTenant("null::uuid")} as tenant_id, ${CLAIM_TENANTS_MAX} + 1 as place where :servedLast is not null) as first where tenant_id <= :servedLast
  union all
  select * from (select ${nextTenant("t.tenant_id")} as tenant_id, t.place + 1 from up_to_last t where t.place < ${CLAIM_TENANTS_MAX} + ${TENANTS}) as step where tenant_id <= :servedLast
),
ring as (
  select tenant_id, place from after_last where tenant_id is not null union all select tenant_id, place from up_to_last
),
ranked as materialized (
  select c.id, row_number() over (partition by ring.tenant_id order by c.wake_at, c.id) as round, ring.place
  from ring cross join lateral (
    select r.id, r.wake_at from runs r
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
    -- One more than may be taken, to know whether any is left.
    order by r.wake_at limit :limit + 1
  ) as c
),
-- 4.
fresh as materialized (
  select r.id, r.tenant_id, ranked.round, ranked.place, false as lost from ranked join runs r on r.id = ranked.id
  where r.wake_at <= now() and r.epoch = 0
  order by ranked.round, ranked.place
  limit greatest(0, :limit - (select count(*)::int from last_chance) - (select count(*)::int from begun))
  for no key update of r skip locked
),
taken as (select id, lost from last_chance union all select id, lost from begun union all select id, lost from fresh),
claimed as (
  update runs r set
    epoch = r.epoch + 1,
    lease_owner = :gatewayId,
    claim_number = :claimNumber,
    wake_at = now() + :leaseDurationMs * interval '1 millisecond',
    -- 5.
    recoveries = r.recoveries + taken.lost::int
  from taken where r.id = taken.id
  returning r.id::text, r.tenant_id::text, r.epoch, r.last_seq, taken.lost, r.recoveries, r.stalls
),
-- 6.
coming as (
  (
    select wake_at from runs
    where wake_at is not null and epoch > 0 and ${MAY_TAKE} and not (${ON_LAST_CHANCE} and wake_at <= now())
      and id <> all (array(select id from taken))
    order by wake_at limit 1
  )
  union all
  (select now() from ranked where id <> all (array(select id from taken)) limit 1)
)
select floor(${millis("now()")}) as now,
  (select tenant_id::text from fresh order by round desc, place desc limit 1) as served_last,
  (select ${millis("greatest(wake_at, now())")} - ${millis("now()")} from coming order by wake_at limit 1) as next_wake_in_ms,
  claimed.*
from (select) as one left join claimed on true`,
});

interface Row {
  readonly now: number;
  readonly served_last: string | null;
  readonly next_wake_in_ms: number | null;
  readonly id: string | null;
  readonly tenant_id: string;
  readonly epoch: number;
  readonly last_seq: number;
  readonly lost: boolean;
  readonly recoveries: number;
  readonly stalls: number;
}

type Claim = FleetStore["claimRuns"];

/** The claim of one gateway. It remembers the tenant served last, so that tenants take turns across claims too. */
export function claimRuns(sql: Sql): Claim {
  let servedLast: string | null = null;
  return async ({ gatewayId, claimNumber, leaseDurationMs, limit, judgesUntil, lastChancesMax }) => {
    const rows = await sql.query<Row>(
      CLAIM_RUNS({ gatewayId, claimNumber, leaseDurationMs, limit, judgesUntil, lastChancesMax, servedLast }),
    );
    const [first] = rows;
    if (first === undefined) throw new Error("a claim always returns a row");
    servedLast = first.served_last ?? servedLast;
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
    return { now: first.now, runs, nextWakeInMs: first.next_wake_in_ms };
  };
}
