import { setTimeout as sleep } from "node:timers/promises";
import type { Stage } from "./stage.ts";

/** How long children may go on after the last run that somebody started has ended, in milliseconds. */
const LEFT_BEHIND_MAX_MS = 10_000;
const POLL_MS = 200;

/** Waits until every child has ended. Returns what was left behind, told twice or told wrongly. */
export async function childFaults(stage: Stage): Promise<string[]> {
  const deadline = performance.now() + LEFT_BEHIND_MAX_MS;
  let open = await openChildren(stage);
  while (open.length > 0 && performance.now() < deadline) {
    await sleep(POLL_MS);
    open = await openChildren(stage);
  }
  return [...open.map((id) => `the child ${id} was left behind`), ...(await wrongEnds(stage))];
}

async function openChildren(stage: Stage): Promise<string[]> {
  const rows = await stage.query<{ id: string }>(
    "select id::text from runs where parent_run_id is not null and status not in ('completed', 'failed', 'canceled')",
  );
  return (rows ?? []).map(({ id }) => id);
}

/** A parent is told once of each child that it dispatched, and the answer of a child is the result of its call. */
async function wrongEnds(stage: Stage): Promise<string[]> {
  const rows = await stage.query<{ id: string; fault: string }>(`
    with dispatched as (
      select run_id, payload->>'callId' as call_id from run_events
      where sub = 0 and type = 'tool.dispatched' and payload->'child' is not null
    ),
    told as (
      select run_id, payload->>'childRunId' as child_id, count(*) as times from run_events
      where sub = 0 and type = 'child.ended' group by 1, 2
    )
    select c.id::text, 'its parent dispatched it ' || count(d.call_id) || ' times' as fault
      from runs c left join dispatched d on d.run_id = c.parent_run_id and d.call_id = c.id::text
      where c.parent_run_id is not null group by c.id having count(d.call_id) <> 1
    union all
    select d.call_id, 'it was dispatched, and is not there' from dispatched d
      where not exists (select from runs c where c.id::text = d.call_id and c.parent_run_id = d.run_id)
    union all
    select c.id::text, 'its parent was told of its end ' || coalesce(t.times, 0) || ' times'
      from runs c join runs p on p.id = c.parent_run_id left join told t on t.run_id = p.id and t.child_id = c.id::text
      where coalesce(t.times, 0) > 1 or (p.status = 'completed' and coalesce(t.times, 0) = 0)
    union all
    select c.id::text, 'its answer is not the result of its call'
      from runs c join tool_calls k on k.id = c.id
      where k.source = 'agent' and k.status = 'completed' and k.result::text is distinct from c.output::text
  `);
  if (rows === null) return ["Postgres did not answer the questions about children"];
  return rows.map(({ id, fault }) => `the child ${id}: ${fault}`);
}
