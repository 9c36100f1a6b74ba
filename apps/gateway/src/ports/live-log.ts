import type { Position } from "@hsafa/protocol";
import type { EventRecord } from "../core/event-record.ts";

/** What a batch met. Only what was accepted may be shown to anybody on its account. */
export type AppendOutcome =
  /**
   * `accepted`: the records (in order) that stood above the top of the run's log; a refused one proves nothing about
   * the lease.
   */
  | { readonly kind: "appended"; readonly accepted: readonly EventRecord[] }
  /** The live log is away, or was too slow (`LIVE_LOG_TIMEOUT_MS`): whether anything was written is unknown. */
  | { readonly kind: "unavailable" };

/** What a subscriber hears. */
export type LiveMessage =
  | { readonly kind: "records"; readonly records: readonly EventRecord[] }
  /** `json` is a whole `tool.progress` event on the wire: no position, at most once. */
  | { readonly kind: "progress"; readonly json: string }
  /** Something may have been missed (a reconnect, an overflow): look into the store. */
  | { readonly kind: "doubt" };

/**
 * The recent events of runs. A cache and a bus, never the truth: it may be wiped or gone at any time, notifications may
 * be lost, and readers check every record by `core/event-record.ts`. What it guarantees: a record is accepted only
 * above the top of its run's log, in one atomic step with its notification; a refused record is never announced. Length
 * and time to live per run are bounded.
 */
export interface LiveLog {
  /** Appends in order and notifies, atomically per batch. Never rejects; settles within `LIVE_LOG_TIMEOUT_MS`. */
  append(params: { readonly runId: string; readonly records: readonly EventRecord[] }): Promise<AppendOutcome>;
  /**
   * Records after a position, oldest first; possibly none, possibly not from the direct successor on (trimmed, wiped).
   * Away: none.
   */
  read(params: {
    readonly runId: string;
    readonly after: Position;
    readonly limit: number;
  }): Promise<readonly EventRecord[]>;
  /**
   * Hears what is appended to a run from the moment the promise resolves, until `unsubscribe`. One call costs no
   * connection of its own. Resolves even while the live log is away (then `doubt` follows when it is back).
   */
  subscribe(params: { readonly runId: string; readonly listener: (news: LiveMessage) => void }): Promise<Subscription>;
  /** Sends a `tool.progress` event to whoever watches the run now. At most once, never kept. */
  sendProgress(params: { readonly runId: string; readonly json: string }): void;
  /** Whether it can be reached now. */
  check(): Promise<boolean>;
  close(): Promise<void>;
}

export interface Subscription {
  unsubscribe(): void;
}
