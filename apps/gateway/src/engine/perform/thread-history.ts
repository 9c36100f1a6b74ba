import { parseFact } from "../../core/event-record.ts";
import { HISTORY_BYTES_MAX } from "../../core/limits.ts";
import type { PastRun } from "../../core/past-conversation.ts";
import type { RunBody } from "../../core/run-state.ts";
import { showsEnough } from "../../core/shows-enough.ts";
import type { LoadedFacts } from "../../ports/fleet-store.ts";

/** The earlier runs that a run sees of its thread. */
export interface EarlierRuns {
  /** The newest of them, oldest first. */
  readonly runs: readonly PastRun[];
  /** How many older ones were not read. They are not shown, or would be too much. */
  readonly unread: number;
}

/** `runIds`: newest first. `bytesMax`: what a run may have to be read. */
interface Wanted {
  readonly runIds: readonly string[];
  readonly bytesMax: number;
}

/**
 * Reads a thread's earlier runs, the newest first, and no more of them than the run shows. They never change, so they
 * are read once for all steps of a holder.
 */
export class ThreadHistory {
  readonly #load: (wanted: Wanted) => Promise<readonly LoadedFacts[] | null>;
  readonly #onRead: (bytes: number) => void;
  #read: EarlierRuns | null = null;

  /**
   * `load` returns the facts of the first of these runs, or null if the lease is not to be had for that long. `onRead`
   * is told the bytes of all that was read.
   */
  constructor(params: {
    readonly load: (wanted: Wanted) => Promise<readonly LoadedFacts[] | null>;
    readonly onRead: (bytes: number) => void;
  }) {
    this.#load = params.load;
    this.#onRead = params.onRead;
  }

  /** The runs that this run sees; null if they could not be read under the lease. */
  async of(run: RunBody): Promise<EarlierRuns | null> {
    if (this.#read !== null) return this.#read;
    const newestFirst = run.historyRunIds.toReversed();
    const runs: PastRun[] = [];
    let bytes = 0;
    let isTooMuch = false;
    while (!isTooMuch && runs.length < newestFirst.length && !showsEnough(run, runs)) {
      const wanted = { runIds: newestFirst.slice(runs.length), bytesMax: HISTORY_BYTES_MAX - bytes };
      const loaded = await this.#load(wanted);
      if (loaded === null) return null;
      for (const { runId, facts } of loaded) {
        const own = facts?.reduce((sum, { payload }) => sum + Buffer.byteLength(payload), 0) ?? 0;
        isTooMuch = facts === null || bytes + own > HISTORY_BYTES_MAX;
        if (facts === null || isTooMuch) break;
        bytes += own;
        runs.unshift({ runId, facts: facts.map(parseFact) });
      }
      this.#onRead(bytes);
    }
    this.#read = { runs, unread: newestFirst.length - runs.length };
    return this.#read;
  }
}
