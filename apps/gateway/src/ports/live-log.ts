import type { Position } from "@hsafa/protocol";
import type { EventRecord } from "../core/event-record.ts";
import type { TenantId } from "../core/tenant-id.ts";

/** What became of a batch. Only accepted records may be shown to anybody. */
export type AppendOutcome =
  /**
   * `accepted`: the records above the top of the run's log, in order. A refused record proves nothing about the lease.
   */
  | { readonly kind: "appended"; readonly accepted: readonly EventRecord[] }
  /**
   * The log holds another fact in the place of one of these, or of the one below. A position has one fact in a history,
   * so the log holds a history that the store has lost. Nothing was published.
   */
  | { readonly kind: "other_history" }
  /** The live log is away, or took longer than `LIVE_LOG_TIMEOUT_MS`. The batch may or may not have been written. */
  | { readonly kind: "unavailable" };

/** What a subscriber receives. */
export type LiveMessage =
  | { readonly kind: "records"; readonly records: readonly EventRecord[] }
  /** `json` is a whole `tool.progress` event as on the wire. It has no position and comes at most once. */
  | { readonly kind: "progress"; readonly json: string }
  /** Messages may have been missed, for example by a reconnect. The subscriber must read the store. */
  | { readonly kind: "resync" };

/**
 * The recent events of runs: a cache and a bus, never the truth. It may be wiped or away at any time, and messages may
 * be lost. Readers check every record by `core/event-record.ts`.
 *
 * It guarantees that a record is accepted only above the top of its run's log, in one atomic step with its publication.
 * A refused record is never published. Records and time to live of a run are bounded.
 */
export interface LiveLog {
  /**
   * From now on this is the log of the generation with this tag. Before the first call it is that of the first one.
   * What other generations hold is not seen. Subscriptions are to be made anew.
   */
  enter(tag: string): void;
  /**
   * The logs of one tenant's runs. What a run of another tenant has is neither read, heard, nor written by it. The id
   * of such a run looks like that of a run without a log (R10). Costs no round trip. Holds over calls of `enter`.
   */
  forTenant(tenantId: TenantId): TenantLiveLog;
  /**
   * Writes and reads as requests do. Returns why the live log does not serve now, as a text that begins with its own
   * code where it gave one; null: it serves.
   */
  check(): Promise<string | null>;
  close(): Promise<void>;
}

/** The logs of one tenant's runs. */
export interface TenantLiveLog {
  /**
   * Appends a batch in order and publishes it, atomically. Never rejects. Settles within `LIVE_LOG_TIMEOUT_MS`.
   *
   * `below`: the last fact below the batch, from a writer that does not know whether the log holds it. Where the log
   * does not, the run's log begins anew. So it holds no lost history below the batch.
   */
  append(params: {
    readonly runId: string;
    readonly records: readonly EventRecord[];
    readonly below?: EventRecord | null;
  }): Promise<AppendOutcome>;
  /**
   * Returns records after a position, oldest first. The first may not be the direct successor, because logs are trimmed
   * and wiped. Returns none while the live log is away.
   */
  read(params: {
    readonly runId: string;
    readonly after: Position;
    readonly limit: number;
  }): Promise<readonly EventRecord[]>;
  /**
   * Calls `listener` with what is appended to a run, from when the promise resolves until `unsubscribe`. It costs no
   * connection of its own. It resolves even while the live log is away; then `resync` follows when it is back.
   */
  subscribe(params: {
    readonly runId: string;
    readonly listener: (message: LiveMessage) => void;
  }): Promise<Subscription>;
  /** Sends a `tool.progress` event to the present subscribers of a run, at most once. It is never kept. */
  sendProgress(params: { readonly runId: string; readonly json: string }): void;
}

export interface Subscription {
  unsubscribe(): void;
}
