import type { Position } from "@hsafa/protocol";
import type { EventRecord } from "../core/event-record.ts";

/**
 * How the engine tells the watchers of its own gateway, without waiting for the bus to come round. It is called only
 * with what may be seen: facts after their commit (R3), deltas after the live log accepted them. Calls are synchronous
 * and never throw; telling a run nobody watches costs a map lookup.
 */
export interface LocalFeed {
  /** The live log accepted these records: watchers may have them now. */
  published(runId: string, records: readonly EventRecord[]): void;
  /** The store holds everything of the run up to this position; said when the live log did not take it. */
  stored(runId: string, upTo: Position): void;
}
