import { DELETED_THREAD_KEPT_MS, REMOVED_RUNS_PER_SWEEP_MAX } from "../../../../ports/limits.ts";
import type { Sql } from "../../sql.ts";
import { OPEN_RUN } from "../../status-lists.ts";
import { fleetStatement } from "../../statement.ts";

/**
 * Removes runs of deleted threads with their children, and each thread with the last of its runs. A thread from which
 * another one goes on stays with all of its runs, also if that one is deleted: it is removed first.
 */
const REMOVE_THREADS = fleetStatement({
  name: "remove-threads",
  parameters: {},
  text: `
with doomed as materialized (
  select t.id from threads t
  where t.deleted_at < now() - interval '${DELETED_THREAD_KEPT_MS} milliseconds' and t.open_runs = 0
    and not exists (select from runs c where c.root_thread_id = t.id and c.status in ${OPEN_RUN})
    and not has_branches(t.id)
  order by t.deleted_at limit ${REMOVED_RUNS_PER_SWEEP_MAX}
  for update skip locked
),
old as materialized (
  select r.id from (
    select r.id, r.thread_id, r.thread_turn from runs r join doomed d on d.id = r.thread_id
    union all
    select c.id, c.root_thread_id, 0 from runs c join doomed d on d.id = c.root_thread_id
  ) as r
  order by r.thread_id, r.thread_turn limit ${REMOVED_RUNS_PER_SWEEP_MAX}
),
events as (delete from run_events where run_id = any(array(select id from old))),
inputs as (delete from run_inputs where run_id = any(array(select id from old))),
calls as (delete from tool_calls where run_id = any(array(select id from old))),
removed as (delete from runs where id = any(array(select id from old)))
delete from threads t using doomed d
where t.id = d.id and not exists (
  select from runs r where r.thread_id = d.id and r.id <> all(array(select id from old))
) and not exists (
  select from runs r where r.root_thread_id = d.id and r.id <> all(array(select id from old))
)`,
});

export async function removeThreads(sql: Sql): Promise<void> {
  await sql.query(REMOVE_THREADS({}));
}
