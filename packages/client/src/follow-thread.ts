import type { Client } from "./client.ts";
import { followRun } from "./follow-run.ts";
import { THREAD_RUNS_SHOWN } from "./limits.ts";
import type { CallOptions } from "./connection.ts";
import { EMPTY_RUN_VIEW, type RunView } from "./run-view.ts";
import type { RunStreamCut } from "./run-stream.ts";
import type { ThreadView } from "./thread-view.ts";
import { untilAnswered } from "./until-answered.ts";

/** How to follow a thread. */
export interface FollowThreadOptions extends CallOptions {
  /** How many of its newest runs are shown; 20 if left out. */
  readonly runsMax?: number;
  /** Called each time a stream was cut and will come back by itself, so that a page can say so. */
  readonly onCut?: (cut: RunStreamCut) => void;
}

/**
 * Yields what a user interface shows of a thread, anew when something has happened in one of its runs. Runs that begin
 * later are shown too, in whichever tab or program they start. It never ends by itself. It reconnects by itself, and
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

  const abort = (): void => stop.abort(signal?.reason);
  signal?.addEventListener("abort", abort);
  if (signal?.aborted === true) abort();
  working.push(watch().catch(fail));
  try {
    for (;;) {
      if (failure !== null) throw (failure as { readonly error: unknown }).error;
      if (isStale) {
        isStale = false;
        yield { runs: [...views.values()], hasEarlier };
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
