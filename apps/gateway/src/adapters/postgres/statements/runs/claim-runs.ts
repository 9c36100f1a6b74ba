import { CLAIM_TENANTS_MAX } from "../../limits.ts";
import { RECOVERIES_MAX } from "../../../../core/limits.ts";
import type { FleetStore } from "../../../../ports/fleet-store.ts";
import { millis } from "../../event-rows.ts";
import type { Sql } from "../../sql.ts";
import { OPEN_RUN } from "../../status-lists.ts";

/**
 * The next tenant after `after` (a uuid, or null: from the first) that has a new run due: one step of an index that is
 * walked tenant by tenant.
 */
function nextTenant(after: string): string {
  return `(
    select tenant_id from runs
    where wake_at <= now() and epoch = 0 and (${after} is null or tenant_id > ${after})
    order by tenant_id limit 1
  )`;
}

/** Infinity is a time too. */
const MAY_JUDGE = "now() <= to_timestamp($4::float8 / 1000)";

/**
 * Whether a run that has begun may be taken: whoever was cut off itself takes none that was held, and judges no call by
 * its deadline, since the answer may have been kept away by the same; it goes on with what somebody has left.
 */
const MAY_TAKE = `(
    ${MAY_JUDGE}
    or lease_owner is null and (
      inbox > 0
      or not exists (select from tool_calls c where c.run_id = runs.id and c.status = 'dispatched' and c.deadline <= now())
    )
  )`;

/** Whether a run will be on its last chance once it is claimed. */
const ON_LAST_CHANCE = `(recoveries + (lease_owner is not null)::int = ${RECOVERIES_MAX})`;

/** How far round the ring of tenants a claim looks: each gives a run, and one more tells whether any is left. */
const TENANTS = `least(${CLAIM_TENANTS_MAX}, $3::int + 1)`;

/**
 * Runs that have begun first, by the time they became due. Then new ones, in a ring of tenants that starts after the
 * one served last: the first of each, the second of each, and so on. A run on a thread must be first among the thread's
 * open ones, unless a cancel waits for it.
 *
 * Rows are chosen without locks (Postgres has none to give in a ranked list) and then locked, those that another claim
 * holds being skipped; what a lock finds changed is tested again. A run that had an owner whose lease ended was lost,
 * and that counts; the column is cleared by progress. Those on their last chance are taken apart from the others, since
 * they are few, and fewer may be taken; when one of them is left, nobody is told to hurry.
 */
const CLAIM_RUNS = {
  name: "claim-runs",
  text: `
with recursive last_chance as materialized (
  select id, lease_owner is not null as lost from runs
  where wake_at <= now() and epoch > 0 and ${MAY_TAKE} and recoveries > 0 and ${ON_LAST_CHANCE}
  order by wake_at limit least($3::int, $7::int)
  for no key update skip locked
),
begun as materialized (
  select id, lease_owner is not null as lost from runs
  where wake_at <= now() and epoch > 0 and ${MAY_TAKE} and not ${ON_LAST_CHANCE}
  order by wake_at limit $3::int - (select count(*)::int from last_chance)
  for no key update skip locked
),
after_last (tenant_id, place) as (
  select * from (select ${nextTenant("$5::uuid")} as tenant_id, 1 as place) as first where tenant_id is not null
  union all
  select ${nextTenant("t.tenant_id")}, t.place + 1 from after_last t where t.tenant_id is not null and t.place < ${TENANTS}
),
up_to_last (tenant_id, place) as (
  select * from (select ${nextTenant("null::uuid")} as tenant_id, ${CLAIM_TENANTS_MAX} + 1 as place where $5::uuid is not null) as first where tenant_id <= $5::uuid
  union all
  select * from (select ${nextTenant("t.tenant_id")} as tenant_id, t.place + 1 from up_to_last t where t.place < ${CLAIM_TENANTS_MAX} + ${TENANTS}) as step where tenant_id <= $5::uuid
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
        r.thread_id is null
        or not exists (
          select from runs e
          where e.thread_id = r.thread_id and e.status in ${OPEN_RUN} and e.thread_turn < r.thread_turn
        )
        or exists (select from run_inputs i where i.run_id = r.id and i.kind = 'cancel' and not i.consumed)
      )
    -- One more than may be taken, to know whether any is left.
    order by r.wake_at limit $3::int + 1
  ) as c
),
fresh as materialized (
  select r.id, r.tenant_id, ranked.round, ranked.place, false as lost from ranked join runs r on r.id = ranked.id
  where r.wake_at <= now() and r.epoch = 0
  order by ranked.round, ranked.place
  limit greatest(0, $3::int - (select count(*)::int from last_chance) - (select count(*)::int from begun))
  for no key update of r skip locked
),
taken as (select id, lost from last_chance union all select id, lost from begun union all select id, lost from fresh),
claimed as (
  update runs r set
    epoch = r.epoch + 1,
    lease_owner = $1::text,
    claim_number = $6::int,
    wake_at = now() + $2::float8 * interval '1 millisecond',
    recoveries = r.recoveries + taken.lost::int
  from taken where r.id = taken.id
  returning r.id::text, r.tenant_id::text, r.epoch, r.last_seq, taken.lost, r.recoveries
),
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
};

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
}

type Claim = FleetStore["claimRuns"];

/**
 * The claim of one gateway: it remembers which tenant it served last, so that with a limit of one run at a time tenants
 * still take turns.
 */
export function claimRuns(sql: Sql): Claim {
  let servedLast: string | null = null;
  return async ({ gatewayId, claimNumber, leaseDurationMs, limit, judgesUntil, lastChancesMax }) => {
    const values = [gatewayId, leaseDurationMs, limit, judgesUntil, servedLast, claimNumber, lastChancesMax];
    const rows = await sql.query<Row>(CLAIM_RUNS, values);
    const [first] = rows;
    if (first === undefined) throw new Error("the claim always answers with a row");
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
            },
          ],
    );
    return { now: first.now, runs, nextWakeInMs: first.next_wake_in_ms };
  };
}
