import { INHERITED_RUNS_MAX, type Page, PAGE_ITEMS_MAX, type ThreadMessage } from "@hsafa/protocol";
import type { Client } from "./client.ts";
import { followRun } from "./follow-run.ts";
import { type InheritedTurn, inheritedTurns } from "./inherited-turns.ts";
import { THREAD_RUNS_SHOWN } from "./limits.ts";
import type { CallOptions } from "./connection.ts";
import { EMPTY_RUN_VIEW, type RunView } from "./run-view.ts";
import type { RunStreamCut } from "./run-stream.ts";
import type { ThreadView } from "./thread-view.ts";
import { untilAnswered } from "./until-answered.ts";

/** How to follow a thread. */
export interface FollowThreadOptions extends CallOptions {
  /** How many of its newest runs are shown, with those that a branch has inherited; 20 if left out. */
  readonly runsMax?: number;
  /** Called each time a stream was cut and will come back by itself, so that a page can say so. */
  readonly onCut?: (cut: RunStreamCut) => void;
}

/**
 * Yields what a user interface shows of a thread, anew when something has happened in one of its runs. Runs that begin
 * later are shown too, in whichever tab or program they start. A branch begins with what it has from the threads that
 * it goes on from, as its model sees it. It never ends by itself. It reconnects by itself, and
 * nothing is shown twice. Leaving the loop, or aborting the signal, stops watching and never cancels a run. Throws only
 * what reconnecting would not heal.
 */
export async function* followThread(
  client: Pick<Client, "runs" | "threads">,
  idOrKey: string,
  { runsMax = THREAD_RUNS_SHOWN, signal, onCut }: FollowThreadOptions = {},
): AsyncGenerator<ThreadView, void, undefined> {
  const views = new Map<string, RunView>();
  const stop = new AbortController();
  const working: Promise<void>[] = [];
  let hasEarlier = false;
  /** Null until it is known what the thread has inherited. Nothing is shown before, so that nothing moves. */
  let inherited: Inherited | null = null;
  let failure: { readonly error: unknown } | null = null;
  let isStale = false;
  let wake = (): void => {};
  const changed = (): void => {
    isStale = true;
    wake();
  };
  const fail = (error: unknown): void => {
    failure ??= { error };
    wake();
  };

  async function follow(runId: string): Promise<void> {
    for await (const view of followRun(client, runId, { signal: stop.signal, ...(onCut && { onCut }) })) {
      views.set(runId, view);
      changed();
    }
  }

  async function watch(): Promise<void> {
    for await (const { runId } of client.threads.watch(idOrKey, { signal: stop.signal })) {
      if (views.has(runId)) continue;
      const query = { threadId: idOrKey, limit: runsMax };
      const list = () => client.runs.list(query, { signal: stop.signal });
      const { data, nextCursor } = await untilAnswered(list, stop.signal);
      if (views.size === 0) hasEarlier = nextCursor !== null;
      for (const run of data.toReversed()) {
        if (views.has(run.id)) continue;
        views.set(run.id, { ...EMPTY_RUN_VIEW, runId: run.id, status: run.status });
        working.push(follow(run.id).catch(fail));
      }
      changed();
    }
  }

  async function inherit(): Promise<void> {
    inherited = await readInherited(client, idOrKey, { runsMax, signal: stop.signal });
    // Where there are runs, the first thing that is shown has them too.
    if (inherited.isAll) changed();
    else wake();
  }

  const abort = (): void => stop.abort(signal?.reason);
  signal?.addEventListener("abort", abort);
  if (signal?.aborted === true) abort();
  working.push(watch().catch(fail), inherit().catch(fail));
  try {
    for (;;) {
      if (failure !== null) throw (failure as { readonly error: unknown }).error;
      if (isStale && inherited !== null) {
        isStale = false;
        const { turns, hasMore }: Inherited = inherited;
        yield { runs: [...views.values()], inherited: turns, hasEarlier: hasEarlier || hasMore };
      } else {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    }
  } finally {
    signal?.removeEventListener("abort", abort);
    stop.abort();
    await Promise.all(working);
  }
}

interface Inherited {
  readonly turns: readonly InheritedTurn[];
  readonly hasMore: boolean;
  /** Whether the thread has nothing else. */
  readonly isAll: boolean;
}

const NOTHING: Inherited = { turns: [], hasMore: false, isAll: false };

/**
 * Reads what a thread has from the threads that it goes on from: so much of it that it shows `runsMax` runs with its
 * own. That never changes, so it is read once.
 */
async function readInherited(
  client: Pick<Client, "runs" | "threads">,
  idOrKey: string,
  { runsMax, signal }: { readonly runsMax: number; readonly signal: AbortSignal },
): Promise<Inherited> {
  const read = <T>(ask: () => Promise<T>): Promise<T> => untilAnswered(ask, signal);
  const thread = await read(() => client.threads.get(idOrKey, { signal }));
  if (thread.branchedFrom === null) return NOTHING;
  const own = await read(() => client.runs.list({ threadId: thread.id, limit: runsMax }, { signal }));
  const room = own.nextCursor !== null ? 0 : Math.min(runsMax - own.data.length, INHERITED_RUNS_MAX - 1);
  // One more than is shown tells whether there are others.
  const inheritedRuns = room + 1;
  const listed: ThreadMessage[] = [];
  for (let cursor: string | undefined; ; ) {
    const query = { inheritedRuns, cursor, limit: PAGE_ITEMS_MAX };
    const page: Page<ThreadMessage> = await read(() => client.threads.messages(thread.id, query, { signal }));
    listed.push(...page.data);
    if (page.nextCursor === null || room === 0) break;
    cursor = page.nextCursor;
  }
  const turns = inheritedTurns(listed);
  const shown = turns.slice(turns.length - Math.min(room, turns.length));
  return { turns: shown, hasMore: turns.length > room, isAll: own.data.length === 0 };
}
