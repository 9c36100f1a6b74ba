import { setTimeout as sleep } from "node:timers/promises";
import type { RunEvent } from "@hsafa/protocol";
import type { RunScript } from "./agent.ts";
import { readLog, untilAnswered } from "./calls.ts";
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
  /** The runs that were forked from another one. */
  readonly forks: ReadonlySet<string>;
  /** The runs that belong to a thread, by their ids. Forks have threads of their own, and are not among them. */
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
  /** The share of runs that go on from a fact of one that has ended, 0 to 1. */
  readonly forkShare?: number;
  /** Whether each run is followed over a watch socket too. */
  readonly bySocket: boolean;
  readonly script: (index: number) => RunScript;
}): Load {
  const { stage, random, width, runsMax, joinWithinMs, cancelShare, forkShare = 0, bySocket, script } = params;
  const askedToCancel = new Set<string>();
  const canceled = new Set<string>();
  const inThreads = new Map<string, PlaceInThread>();
  const forks = new Set<string>();
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
    const origin = random() < forkShare ? ended[Math.floor(random() * ended.length)] : undefined;
    const { runId } =
      origin === undefined
        ? await untilAnswered((signal) => stage.client.runs.start(order, { signal }))
        : await fork(origin.runId, { input, idempotencyKey });
    if (origin !== undefined) forks.add(runId);
    else if (threadKey !== null) inThreads.set(runId, { threadKey, askedAt, answeredAt: performance.now() });
    starting -= 1;
    started += 1;
    open.add(runId);
    worker?.tell({ kind: "watch", runId, joinAfterMs, joinsInside, bySocket, messages });
    if (cancelAfterMs !== null) void cancel(runId, cancelAfterMs);
    fill();
  }

  /** Forks an ended run at any fact that is not within a step that was not over, and says something there. */
  async function fork(runId: string, said: { readonly input: string; readonly idempotencyKey: string }) {
    const facts = (await readLog(stage.client, runId)).filter(({ id }) => /-0(\.|$)/.test(id));
    const places = positionsOutsideSteps(facts);
    const position = places[Math.floor(random() * places.length)] ?? "1-0";
    return untilAnswered((signal) => stage.client.runs.fork(runId, { position, ...said }, { signal }));
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
    forks,
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

/** Where no step is under way: before it began, and from its end on. A lost gateway leaves other facts in between. */
function positionsOutsideSteps(facts: readonly RunEvent[]): string[] {
  let isWithin = false;
  return facts.flatMap(({ id, type }) => {
    if (type === "step.started") isWithin = true;
    else if (type === "step.completed" || type === "step.discarded") isWithin = false;
    return isWithin ? [] : [id];
  });
}
