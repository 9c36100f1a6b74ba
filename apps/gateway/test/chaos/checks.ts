import { existsSync, readFileSync } from "node:fs";
import { RECOVERIES_MAX } from "../../src/core/limits.ts";
import { ONCE_TOOLS } from "./agent.ts";
import { executedUnapproved } from "./approvals.ts";
import { readDeviceOutcomes } from "./device-outcomes.ts";
import { childFaults } from "./children.ts";
import type { Journal } from "./faults.ts";
import type { EndedRun, Load } from "./load.ts";
import { readTurns, type Turns } from "./read-turns.ts";
import type { Stage } from "./stage.ts";
import type { Executions } from "./tool-server.ts";

/** Returns what was lost or doubled; an empty list if nothing was. Every run must have ended. */
export async function lossesOf(stage: Stage, load: Load, journal: Journal): Promise<string[]> {
  const turns = await readTurns(stage, load);
  const endedAsItMust = (run: EndedRun): boolean => endedWell(run, { load, journal, turns });
  return [
    ...stage.troubles,
    ...journal.badExits,
    ...load.ended.flatMap(({ runId, faults }) => faults.map((fault) => `run ${runId}: ${fault}`)),
    ...load.ended.flatMap((run) => (endedAsItMust(run) ? [] : [`run ${run.runId} ended as ${run.end}`])),
    ...(await unfinished(stage, load)),
    ...(await childFaults(stage)),
    ...(await wrongLogs(stage, load)),
    ...turns.faults,
    ...executedTwice(stage),
    ...(await wrongForks(stage, load)),
    ...(await unapproved(stage)),
    ...(await readDeviceOutcomes(stage)).faults,
  ];
}

function endedWell(
  run: EndedRun,
  { load, journal, turns }: { readonly load: Load; readonly journal: Journal; readonly turns: Turns },
): boolean {
  const { runId, end, recoveries, endedAt } = run;
  // A run that lost its holders again and again must be given up. A holder that was lost before it committed anything
  // left no fact, so the faults of that time are counted.
  if (end === "run.failed recovery_exhausted") {
    const from = claimableFrom(run, load, turns);
    const faults = journal.mayCostLeases.filter((at) => at >= from && at <= endedAt).length;
    return recoveries >= RECOVERIES_MAX || faults > RECOVERIES_MAX;
  }
  if (end === "run.canceled") return load.askedToCancel.has(runId);
  return end === "run.completed" && !load.canceled.has(runId);
}

/**
 * Returns since when the run could have had a holder, in milliseconds of the wall clock. That is its turn in its
 * thread, or its start if a cancel let it go ahead.
 */
function claimableFrom({ runId, beganAt }: EndedRun, load: Load, turns: Turns): number {
  const mine = turns.runs.find((turn) => turn.runId === runId);
  if (mine === undefined || mine.wasToldToCancel) return beganAt;
  const before = new Set(
    turns.runs.filter(({ threadId, turn }) => threadId === mine.threadId && turn < mine.turn).map((turn) => turn.runId),
  );
  const ends = load.ended.flatMap((other) => (before.has(other.runId) ? [other.endedAt] : []));
  return Math.max(beganAt, ...ends);
}

async function unfinished(stage: Stage, load: Load): Promise<string[]> {
  if (load.open.size === 0) return [];
  const rows = await stage.query<{ id: string; state: string }>(
    `select id::text, concat_ws(' ', status, 'epoch', epoch, 'held by', coalesce(lease_owner, 'nobody'), 'wakes', coalesce((wake_at - now())::text, 'never'), 'inbox', inbox,
      'seq', (select max(seq) from run_events e where e.run_id = r.id)) as state
     from runs r where id = any($1::uuid[])`,
    [[...load.open]],
  );
  return (rows ?? []).map(({ id, state }) => `run ${id} has not ended for its watchers: ${state}`);
}

/**
 * Checks the database by itself. Facts are contiguous (R2) and end with the one terminal fact (R6). Nothing came after
 * the records were compared. Every call is settled (R7), and every input is consumed (R5, R6).
 */
async function wrongLogs(stage: Stage, load: Load): Promise<string[]> {
  const rows = await stage.query<{ id: string; fault: string }>(`
    with facts as (
      select run_id, count(*) as facts, min(seq) as first, max(seq) as last,
        count(*) filter (where type in ('run.completed', 'run.failed', 'run.canceled', 'run.merged')) as ends,
        max(seq) filter (where type in ('run.completed', 'run.failed', 'run.canceled', 'run.merged')) as ended_at
      from run_events where sub = 0 group by run_id
    )
    select r.id::text, 'its facts are not 1 to n with one end' as fault from runs r left join facts f on f.run_id = r.id
      where f.facts is null or f.first <> 1 or f.last <> f.facts or f.ends <> 1 or f.ended_at <> f.last
    union all
    select run_id::text, 'the call ' || id || ' is still ' || status from tool_calls where status not in ('completed', 'failed', 'expired', 'denied')
    union all
    select i.run_id::text, 'an input was never consumed' from run_inputs i join runs r on r.id = i.run_id
      where not i.consumed and r.status in ('completed', 'failed', 'canceled', 'merged')
  `);
  if (rows === null) return ["Postgres did not answer the last questions"];
  const counts = await stage.query<{ id: string; events: number }>(
    `select run_id::text as id, count(*)::int as events from run_events group by run_id`,
  );
  const eventsOf = new Map(counts?.map(({ id, events }) => [id, events]));
  const grown = load.ended.flatMap(({ runId, events }) => {
    const now = eventsOf.get(runId) ?? 0;
    return events === now ? [] : [`run ${runId} had ${events} events when it had ended, and has ${now} now`];
  });
  return [...rows.map(({ id, fault }) => `run ${id}: ${fault}`), ...grown];
}

function executedTwice(stage: Stage): string[] {
  const counts = executions(stage);
  return [...counts].flatMap(([callId, { tool, count }]) =>
    count > 1 && ONCE_TOOLS.has(tool) ? [`${tool} was executed ${count} times for the call ${callId}`] : [],
  );
}

/** A request has made one fork, with one thread if the run that was forked is on one. Nothing else has made any. */
async function wrongForks(stage: Stage, load: Load): Promise<string[]> {
  const rows = await stage.query<{ id: string; has_thread: boolean; origin_has_thread: boolean }>(
    `select f.id::text, f.thread_id is not null as has_thread, o.thread_id is not null as origin_has_thread
     from runs f join runs o on o.id = f.forked_from`,
  );
  if (rows === null) return ["Postgres did not answer which runs are forks"];
  const made = new Set(rows.map(({ id }) => id));
  const lost = [...load.forks].filter((id) => !made.has(id)).map((id) => `the fork ${id} is not there`);
  const more = rows.filter(({ id }) => !load.forks.has(id)).map(({ id }) => `the fork ${id} was made twice`);
  const strays = rows
    .filter(({ has_thread, origin_has_thread }) => has_thread !== origin_has_thread)
    .map(({ id }) => `the fork ${id} is not on a thread as its origin is`);
  const orphans = await stage.query<{ id: string }>(
    `select t.id::text from threads t where t.branched_from is not null and not exists (select from runs r where r.thread_id = t.id)`,
  );
  return [...lost, ...more, ...strays, ...(orphans ?? []).map(({ id }) => `the thread ${id} of a fork has no run`)];
}

async function unapproved(stage: Stage): Promise<string[]> {
  const rows = await stage.query<{ id: string; at: number | null }>(
    `select payload->>'callId' as id, (extract(epoch from pg_xact_commit_timestamp(xmin)) * 1e3)::float8 as at
     from run_events where sub = 0 and type = 'tool.approved'`,
  );
  if (rows === null) return ["Postgres did not answer what was approved"];
  const approvedAt = new Map(rows.map(({ id, at }) => [id, at ?? Number.POSITIVE_INFINITY]));
  return executedUnapproved(executions(stage), approvedAt);
}

/** Returns how often each call was executed, on the server and on devices together. */
export function executions(stage: Stage): Map<string, Executions> {
  const counts = new Map(stage.toolServer.executions);
  const lines = existsSync(stage.executionsFile) ? readFileSync(stage.executionsFile, "utf8").split("\n") : [];
  for (const line of lines) {
    const [callId = "", tool = "", at] = line.split(" ");
    if (tool === "") continue;
    const { count = 0, firstAt = Number(at) } = counts.get(callId) ?? {};
    counts.set(callId, { tool, count: count + 1, firstAt });
  }
  return counts;
}
