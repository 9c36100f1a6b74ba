import { THREAD_HISTORY_RUNS_MAX } from "../../src/ports/limits.ts";

/** One run of a thread: when it was requested, and how it took its turn. */
export interface TurnTaken {
  readonly runId: string;
  readonly threadId: string;
  /** Its place among the runs of its thread, from 1. */
  readonly turn: number;
  /** When its start was first requested, and when the response came, by the caller's clock. */
  readonly askedAt: number;
  readonly answeredAt: number;
  /** When Postgres committed its `run.started`; null if it was given up before. */
  readonly startedAt: number | null;
  /** When its terminal fact was committed; infinite if it has none. */
  readonly endedAt: number;
  readonly hasStepped: boolean;
  readonly wasToldToCancel: boolean;
  /** The history that its `run.started` fixed. */
  readonly historyRunIds: readonly string[];
}

/**
 * Returns where runs did not take turns; an empty list if nowhere.
 *
 * A run begins when all runs before it have ended, and sees exactly these, or the latest if they are many. A cancel
 * need not wait for its run's turn: such a run may end before the others if it does nothing else. It sees the runs that
 * had ended by then.
 */
export function turnFaults(runs: readonly TurnTaken[]): string[] {
  return [...Map.groupBy(runs, ({ threadId }) => threadId)].flatMap(([threadId, ofThread]) =>
    faultsOfThread(ofThread.toSorted((a, b) => a.turn - b.turn)).map((fault) => `thread ${threadId}: ${fault}`),
  );
}

function faultsOfThread(runs: readonly TurnTaken[]): string[] {
  const turns = runs.map(({ turn }) => turn);
  const faults = turns.every((turn, index) => turn === index + 1) ? [] : [`its runs have the turns ${turns.join()}`];
  for (const [index, run] of runs.entries()) {
    const earlier = runs.slice(0, index);
    const mayGoAhead = run.wasToldToCancel && !run.hasStepped;
    const beganAt = run.startedAt ?? run.endedAt;
    for (const other of earlier) {
      const pair = `run ${run.runId} (turn ${run.turn}) and run ${other.runId} (turn ${other.turn})`;
      if (!mayGoAhead && beganAt <= other.endedAt)
        faults.push(`${pair}: the later one began before the end of the other`);
      if (run.answeredAt < other.askedAt)
        faults.push(`${pair}: the later one was there before the other was asked for`);
    }
    if (run.startedAt === null) continue;
    const { historyRunIds } = run;
    const mayBeSeen = earlier.map(({ runId }) => runId);
    const must = mayGoAhead
      ? mayBeSeen.filter((runId) => historyRunIds.includes(runId))
      : mayBeSeen.slice(-THREAD_HISTORY_RUNS_MAX);
    if (historyRunIds.join() !== must.join() || historyRunIds.length > THREAD_HISTORY_RUNS_MAX)
      faults.push(`run ${run.runId} (turn ${run.turn}) sees ${listed(historyRunIds)} and not ${listed(must)}`);
  }
  return faults;
}

function listed(runIds: readonly string[]): string {
  return runIds.length === 0 ? "nothing" : runIds.join(", ");
}
