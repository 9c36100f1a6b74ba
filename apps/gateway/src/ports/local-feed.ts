import type { Position } from "@hsafa/protocol";
import type { EventRecord } from "../core/event-record.ts";
import type { TenantId } from "../core/tenant-id.ts";

/**
 * How the engine tells the watchers of its own gateway, without the way over Redis. It is called only with what may be
 * seen: facts after their commit (R3), deltas after the live log accepted them. Calls are synchronous and never throw.
 * For a run without watchers a call costs one lookup in a map.
 */
export interface LocalFeed {
  /**
   * A run was born on this gateway, with these facts. All that happens to it is told here until `left`. `generation`:
   * the tag of the store's generation before it was born.
   */
  born(run: {
    readonly tenantId: TenantId;
    readonly runId: string;
    readonly generation: string;
    readonly facts: readonly EventRecord[];
  }): void;
  /** From now on another gateway may hold the run. */
  left(runId: string): void;
  /** Watchers may have these records now: the store holds these facts, or the live log accepted them. */
  published(runId: string, records: readonly EventRecord[]): void;
  /** The live log did not take the run's records, but the store has everything up to this position. */
  stored(runId: string, upTo: Position): void;
}
