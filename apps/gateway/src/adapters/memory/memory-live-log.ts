import { LIVE_LOG_RECORDS_MAX, LIVE_LOG_TTL_MS } from "../../ports/limits.ts";
import { MEMORY_LIVE_LOG_CHARACTERS_MAX, MEMORY_LIVE_LOG_RUNS_MAX } from "./limits.ts";
import type { Clock } from "../../ports/clock.ts";
import type { LiveLog, LiveMessage } from "../../ports/live-log.ts";
import type { Log } from "../../ports/log.ts";
import { Listeners } from "../../runtime/listeners.ts";
import { RunLog } from "./run-log.ts";

export interface MemoryLiveLogParams {
  readonly clock: Clock;
  readonly log: Log;
  readonly recordsMax?: number;
  readonly runsMax?: number;
  readonly charactersMax?: number;
  readonly ttlMs?: number;
}

/**
 * The live log of a gateway that runs alone. Listeners hear a batch before `append` resolves. Beyond its bounds it
 * forgets whole runs, the one written least recently first. To readers that is a wiped Redis.
 */
export function createMemoryLiveLog(params: MemoryLiveLogParams): LiveLog {
  const { clock, log } = params;
  const runsMax = params.runsMax ?? MEMORY_LIVE_LOG_RUNS_MAX;
  const charactersMax = params.charactersMax ?? MEMORY_LIVE_LOG_CHARACTERS_MAX;
  const recordsMax = params.recordsMax ?? LIVE_LOG_RECORDS_MAX;
  const ttlMs = params.ttlMs ?? LIVE_LOG_TTL_MS;

  /** In order of the last write: the first is the next to be forgotten. */
  const logs = new Map<string, RunLog>();
  const listeners = new Map<string, Listeners<LiveMessage>>();
  let characters = 0;
  let closed = false;

  /** Takes the run's log out of the order of writes. `append` puts it back at the end. */
  function take(runId: string): RunLog | undefined {
    const runLog = logs.get(runId);
    if (runLog === undefined) return undefined;
    logs.delete(runId);
    characters -= runLog.characters;
    return runLog;
  }

  function forgetBeyondBounds(now: number): void {
    for (const [runId, { touchedAt }] of logs) {
      const expired = now - touchedAt >= ttlMs;
      // The run written just now is the last. It goes only if one record alone exceeds the bound of all.
      if (!expired && logs.size <= runsMax && characters <= charactersMax) return;
      take(runId);
    }
  }

  return {
    async append({ runId, records }) {
      if (closed) return { kind: "unavailable" };
      const now = clock.monotonic();
      forgetBeyondBounds(now);
      const runLog = take(runId) ?? new RunLog(now);
      const accepted = runLog.append(records);
      if (accepted.length > 0) runLog.touchedAt = now;
      runLog.trim({ recordsMax, charactersMax });
      logs.set(runId, runLog);
      characters += runLog.characters;
      forgetBeyondBounds(now);
      if (accepted.length > 0) listeners.get(runId)?.tell({ kind: "records", records: accepted });
      return { kind: "appended", accepted };
    },

    async read({ runId, after, limit }) {
      forgetBeyondBounds(clock.monotonic());
      return logs.get(runId)?.after(after, limit) ?? [];
    },

    async subscribe({ runId, listener }) {
      if (closed) return { unsubscribe() {} };
      const ofRun = listeners.get(runId) ?? new Listeners(log);
      const leave = ofRun.add(listener);
      listeners.set(runId, ofRun);
      return {
        unsubscribe() {
          leave();
          if (ofRun.size === 0 && listeners.get(runId) === ofRun) listeners.delete(runId);
        },
      };
    },

    sendProgress({ runId, json }) {
      listeners.get(runId)?.tell({ kind: "progress", json });
    },

    async check() {
      return closed ? "closed" : null;
    },

    async close() {
      closed = true;
      logs.clear();
      listeners.clear();
      characters = 0;
    },
  };
}
