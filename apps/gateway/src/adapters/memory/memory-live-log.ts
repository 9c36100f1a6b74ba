import { LIVE_LOG_RECORDS_MAX, LIVE_LOG_TTL_MS } from "../../ports/limits.ts";
import { MEMORY_LIVE_LOG_CHARACTERS_MAX, MEMORY_LIVE_LOG_RUNS_MAX } from "./limits.ts";
import type { Clock } from "../../ports/clock.ts";
import type { TenantId } from "../../core/tenant-id.ts";
import type { LiveLog, LiveMessage, TenantLiveLog } from "../../ports/live-log.ts";
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

  /** By tenant and run, in order of the last write: the first is the next to be forgotten. */
  const logs = new Map<string, RunLog>();
  const listeners = new Map<string, Listeners<LiveMessage>>();
  let characters = 0;
  let closed = false;

  /** Takes the run's log out of the order of writes. `append` puts it back at the end. */
  function take(key: string): RunLog | undefined {
    const runLog = logs.get(key);
    if (runLog === undefined) return undefined;
    logs.delete(key);
    characters -= runLog.characters;
    return runLog;
  }

  function forgetBeyondBounds(now: number): void {
    for (const [key, { touchedAt }] of logs) {
      const expired = now - touchedAt >= ttlMs;
      // The run written just now is the last. It goes only if one record alone exceeds the bound of all.
      if (!expired && logs.size <= runsMax && characters <= charactersMax) return;
      take(key);
    }
  }

  function forTenant(tenantId: TenantId): TenantLiveLog {
    const keyOf = (runId: string): string => `${tenantId}/${runId}`;

    return {
      async append({ runId, records, below = null }) {
        if (closed) return { kind: "unavailable" };
        const key = keyOf(runId);
        const now = clock.monotonic();
        forgetBeyondBounds(now);
        const known = logs.get(key);
        if (known !== undefined && [...(below === null ? [] : [below]), ...records].some((one) => known.hasOther(one)))
          return { kind: "other_history" };
        const former = take(key);
        const continues = former !== undefined && (below === null || former.has(below));
        const runLog = continues ? former : new RunLog(now);
        const accepted = runLog.append(records);
        if (accepted.length > 0) runLog.touchedAt = now;
        runLog.trim({ recordsMax, charactersMax });
        logs.set(key, runLog);
        characters += runLog.characters;
        forgetBeyondBounds(now);
        if (accepted.length > 0) listeners.get(key)?.tell({ kind: "records", records: accepted });
        return { kind: "appended", accepted };
      },

      async read({ runId, after, limit }) {
        forgetBeyondBounds(clock.monotonic());
        return logs.get(keyOf(runId))?.after(after, limit) ?? [];
      },

      async subscribe({ runId, listener }) {
        if (closed) return { unsubscribe() {} };
        const key = keyOf(runId);
        const ofRun = listeners.get(key) ?? new Listeners(log);
        const leave = ofRun.add(listener);
        listeners.set(key, ofRun);
        return {
          unsubscribe() {
            leave();
            if (ofRun.size === 0 && listeners.get(key) === ofRun) listeners.delete(key);
          },
        };
      },

      sendProgress({ runId, json }) {
        listeners.get(keyOf(runId))?.tell({ kind: "progress", json });
      },
    };
  }

  return {
    enter() {
      // The generations of one process follow each other, so nobody asks for the former one again.
      logs.clear();
      characters = 0;
    },

    forTenant,

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
