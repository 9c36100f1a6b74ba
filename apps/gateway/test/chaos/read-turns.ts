import type { Load } from "./load.ts";
import type { Stage } from "./stage.ts";
import { THREAD_KEYS } from "./thread-places.ts";
import { type TurnTaken, turnFaults } from "./thread-turns.ts";

/** How the runs of all threads took turns. */
export interface Turns {
  readonly runs: readonly TurnTaken[];
  readonly threads: number;
  /** Runs that were made before another run of their thread had ended. */
  readonly waited: number;
  /** Runs that did not take turns, or that are in the wrong thread. */
  readonly faults: readonly string[];
}

/**
 * The time of a row's commit in microseconds, because one run may end and the next begin within a millisecond. Commits
 * of Postgres have one order, unlike the clocks of gateways.
 */
const committed = (row: string): string => `(extract(epoch from pg_xact_commit_timestamp(${row}.xmin)) * 1e6)::float8`;

const TURNS = `
  select r.id::text, t.id::text as thread_id, t.key, r.thread_turn as turn,
    ${committed("r_created")} as created_at, ${committed("r_started")} as started_at, ${committed("r_ended")} as ended_at,
    r_started.payload::text as started, exists (
      select from run_events s where s.run_id = r.id and s.sub = 0 and s.type = 'step.started'
    ) as has_stepped
  from runs r join threads t on t.id = r.thread_id
  join run_events r_created on r_created.run_id = r.id and r_created.seq = 1 and r_created.sub = 0
  left join run_events r_started on r_started.run_id = r.id and r_started.sub = 0 and r_started.type = 'run.started'
  left join run_events r_ended on r_ended.run_id = r.id and r_ended.sub = 0
    and r_ended.type in ('run.completed', 'run.failed', 'run.canceled')
  where r.forked_from is null and t.key like '${THREAD_KEYS}%'
  order by t.id, r.thread_turn`;

interface Row {
  readonly id: string;
  readonly thread_id: string;
  readonly key: string;
  readonly turn: number;
  readonly created_at: number | null;
  readonly started_at: number | null;
  readonly ended_at: number | null;
  readonly started: string | null;
  readonly has_stepped: boolean;
}

export async function readTurns(stage: Stage, load: Load): Promise<Turns> {
  const rows = await stage.query<Row>(TURNS);
  if (rows === null) return { runs: [], threads: 0, waited: 0, faults: ["Postgres did not answer who took turns"] };
  const faults: string[] = [];
  const runs = rows.flatMap((row): TurnTaken[] => {
    const place = load.inThreads.get(row.id);
    if (place === undefined || place.threadKey !== row.key) {
      faults.push(`run ${row.id} was asked for in ${place?.threadKey ?? "no thread"} and is in ${row.key}`);
      return [];
    }
    if (row.created_at === null) faults.push(`Postgres does not know when run ${row.id} was made`);
    return [
      {
        runId: row.id,
        threadId: row.thread_id,
        turn: row.turn,
        askedAt: place.askedAt,
        answeredAt: place.answeredAt,
        startedAt: row.started_at,
        endedAt: row.ended_at ?? Number.POSITIVE_INFINITY,
        hasStepped: row.has_stepped,
        wasToldToCancel: load.askedToCancel.has(row.id),
        historyRunIds:
          row.started === null ? [] : (JSON.parse(row.started) as { historyRunIds: string[] }).historyRunIds,
      },
    ];
  });
  const known = new Set(rows.map(({ id }) => id));
  for (const [runId, { threadKey }] of load.inThreads)
    if (!known.has(runId)) faults.push(`run ${runId} was asked for in ${threadKey} and is in no thread`);
  const waited = rows.filter(({ created_at }, index) => {
    const before = rows[index - 1];
    const isSameThread = before !== undefined && before.thread_id === rows[index]?.thread_id;
    return isSameThread && (created_at ?? 0) < (before.ended_at ?? Number.POSITIVE_INFINITY);
  });
  return {
    runs,
    threads: new Set(rows.map(({ thread_id }) => thread_id)).size,
    waited: waited.length,
    faults: [...faults, ...turnFaults(runs)],
  };
}
