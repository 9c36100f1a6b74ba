import { setTimeout as sleep } from "node:timers/promises";
import type { RunScript } from "./agent.ts";
import { untilAnswered } from "./calls.ts";
import type { FromWatchWorker } from "./messages.ts";
import type { Stage } from "./stage.ts";

export type EndedRun = Extract<FromWatchWorker, { kind: "ended" }>;

/** Keeps a number of runs in flight until it is stopped. */
export interface Load {
  readonly started: number;
  readonly ended: readonly EndedRun[];
  /** Runs whose watchers have not finished. */
  readonly open: ReadonlySet<string>;
  /** Runs for which a cancel was sent. They may end before it. */
  readonly askedToCancel: ReadonlySet<string>;
  /** Runs whose cancel was accepted. They end canceled, unless they are given up. */
  readonly canceled: ReadonlySet<string>;
  /** The runs that belong to a thread, by their ids. */
  readonly inThreads: ReadonlyMap<string, PlaceInThread>;
  /** Starts no more runs. Those in flight go on. */
  stop(): void;
  /** Resolves with true when every run has ended and was compared, or with false after `withinMs`. */
  finished(withinMs: number): Promise<boolean>;
}

/** A run's place in a thread. Times are in milliseconds of this process's monotonic clock. */
export interface PlaceInThread {
  readonly threadKey: string;
  /** When its start was first requested. */
  readonly askedAt: number;
  /** When the response to that came. */
  readonly answeredAt: number;
}

const FINISH_POLL_MS = 100;

export function startLoad(params: {
  readonly stage: Stage;
  readonly random: () => number;
  /** Runs in flight at once. */
  readonly width: number;
  /** Runs in all. */
  readonly runsMax: number;
  /** The latest time at which a second watcher joins, in milliseconds after the first event. */
  readonly joinWithinMs: number;
  /** The share of runs that are canceled, 0 to 1, each within twice `joinWithinMs`. */
  readonly cancelShare: number;
  /** Whether each run is followed over a watch socket too. */
  readonly bySocket: boolean;
  readonly script: (index: number) => RunScript;
}): Load {
  const { stage, random, width, runsMax, joinWithinMs, cancelShare, bySocket, script } = params;
  const askedToCancel = new Set<string>();
  const canceled = new Set<string>();
  const inThreads = new Map<string, PlaceInThread>();
  const ended: EndedRun[] = [];
  const open = new Set<string>();
  let started = 0;
  let starting = 0;
  let isStopped = false;

  for (const worker of stage.watchWorkers) {
    worker.onMessage((message) => {
      if (message.kind !== "ended") return;
      open.delete(message.runId);
      ended.push(message);
      fill();
    });
  }

  const mayStart = (): boolean => !isStopped && started + starting < runsMax && open.size + starting < width;

  function fill(): void {
    while (mayStart()) {
      starting += 1;
      void startOne(started + starting - 1);
    }
  }

  async function startOne(index: number): Promise<void> {
    const { input, deviceKey, threadKey, messages } = script(index);
    const worker = stage.watchWorkers[index % stage.watchWorkers.length];
    const joinAfterMs = random() * joinWithinMs;
    const joinsInside = random() < 0.5;
    const cancelAfterMs = random() < cancelShare ? random() * 2 * joinWithinMs : null;
    // R4: one key for all attempts, so that lost responses do not start a second run.
    const idempotencyKey = `chaos-${index}`;
    const order = {
      agent: "chaos",
      input,
      deviceKey,
      idempotencyKey,
      ...(threadKey === null ? {} : { threadId: threadKey }),
    };
    const askedAt = performance.now();
    const { runId } = await untilAnswered((signal) => stage.client.runs.start(order, { signal }));
    if (threadKey !== null) inThreads.set(runId, { threadKey, askedAt, answeredAt: performance.now() });
    starting -= 1;
    started += 1;
    open.add(runId);
    worker?.tell({ kind: "watch", runId, joinAfterMs, joinsInside, bySocket, messages });
    if (cancelAfterMs !== null) void cancel(runId, cancelAfterMs);
    fill();
  }

  async function cancel(runId: string, afterMs: number): Promise<void> {
    await sleep(afterMs);
    askedToCancel.add(runId);
    try {
      await untilAnswered((signal) => stage.client.runs.cancel(runId, {}, { signal }));
      canceled.add(runId);
    } catch {
      // It is refused only if the run has ended before.
    }
  }

  fill();
  return {
    get started() {
      return started;
    },
    ended,
    open,
    askedToCancel,
    canceled,
    inThreads,
    stop() {
      isStopped = true;
    },
    async finished(withinMs) {
      const deadline = performance.now() + withinMs;
      while (performance.now() < deadline) {
        const isThrough = isStopped || started >= runsMax;
        if (isThrough && starting === 0 && open.size === 0) return true;
        await sleep(FINISH_POLL_MS);
      }
      return false;
    },
  };
}
