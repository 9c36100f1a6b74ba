import { LIVE_LOG_RECORDS_MAX, LIVE_LOG_TTL_MS } from "../../ports/limits.ts";
import { MEMORY_LIVE_LOG_CHARACTERS_MAX, MEMORY_LIVE_LOG_RUNS_MAX } from "./limits.ts";
import type { Clock } from "../../ports/clock.ts";
import type { LiveLog, LiveMessage } from "../../ports/live-log.ts";
import { RunLog } from "./run-log.ts";

type Listener = (news: LiveMessage) => void;

export interface MemoryLiveLogParams {
  readonly clock: Clock;
  /** Hears what a listener throws: one listener's bug reaches neither the others nor the writer. */
  readonly report: (error: unknown) => void;
  readonly recordsMax?: number;
  readonly runsMax?: number;
  readonly charactersMax?: number;
  readonly ttlMs?: number;
}

/**
 * The live log of a gateway that runs alone. Listeners hear a batch before `append` resolves. Beyond its bounds the
 * runs written least recently are forgotten whole, which readers meet as they meet a wiped Redis.
 */
export function createMemoryLiveLog(params: MemoryLiveLogParams): LiveLog {
  const { clock, report } = params;
  const runsMax = params.runsMax ?? MEMORY_LIVE_LOG_RUNS_MAX;
  const charactersMax = params.charactersMax ?? MEMORY_LIVE_LOG_CHARACTERS_MAX;
  const recordsMax = params.recordsMax ?? LIVE_LOG_RECORDS_MAX;
  const ttlMs = params.ttlMs ?? LIVE_LOG_TTL_MS;

  /** In order of the last write, so that the first is always the next to be forgotten. */
  const logs = new Map<string, RunLog>();
  const listeners = new Map<string, Set<Listener>>();
  let characters = 0;
  let closed = false;

  function tell(runId: string, news: LiveMessage): void {
    for (const listener of listeners.get(runId) ?? []) {
      try {
        listener(news);
      } catch (error) {
        report(error);
      }
    }
  }

  /** Takes the run's log out of the order of writes; `append` puts it back at the end. */
  function take(runId: string): RunLog | undefined {
    const log = logs.get(runId);
    if (log === undefined) return undefined;
    logs.delete(runId);
    characters -= log.characters;
    return log;
  }

  function forgetBeyondBounds(now: number): void {
    for (const [runId, log] of logs) {
      const expired = now - log.touchedAt >= ttlMs;
      // The run written just now stands last: it goes only if a single record is above the bound of all.
      if (!expired && logs.size <= runsMax && characters <= charactersMax) return;
      take(runId);
    }
  }

  return {
    async append({ runId, records }) {
      if (closed) return { kind: "unavailable" };
      const now = clock.monotonic();
      forgetBeyondBounds(now);
      const log = take(runId) ?? new RunLog(now);
      const accepted = log.append(records);
      if (accepted.length > 0) log.touchedAt = now;
      log.trim({ recordsMax, charactersMax });
      logs.set(runId, log);
      characters += log.characters;
      forgetBeyondBounds(now);
      if (accepted.length > 0) tell(runId, { kind: "records", records: accepted });
      return { kind: "appended", accepted };
    },

    async read({ runId, after, limit }) {
      forgetBeyondBounds(clock.monotonic());
      return logs.get(runId)?.after(after, limit) ?? [];
    },

    async subscribe({ runId, listener }) {
      // A wrapper of its own, so that the same function subscribed twice is two listeners.
      const own: Listener = (news) => listener(news);
      const ofRun = listeners.get(runId) ?? new Set();
      if (!closed) listeners.set(runId, ofRun.add(own));
      return {
        unsubscribe() {
          ofRun.delete(own);
          if (ofRun.size === 0 && listeners.get(runId) === ofRun) listeners.delete(runId);
        },
      };
    },

    sendProgress({ runId, json }) {
      tell(runId, { kind: "progress", json });
    },

    async check() {
      return !closed;
    },

    async close() {
      closed = true;
      logs.clear();
      listeners.clear();
      characters = 0;
    },
  };
}
