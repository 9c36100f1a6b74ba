import type { EventRecord } from "../core/event-record.ts";
import type { LoadedRun } from "../ports/fleet-store.ts";
import type { Round } from "./plan-round.ts";
import type { FoldedRecord } from "./read-record.ts";

/** What a run has when it is born. */
export interface Born {
  readonly loaded: LoadedRun;
  /** The first facts, folded. */
  readonly record: FoldedRecord;
  /** What follows from them. */
  readonly round: Round;
  /** The facts of the round. */
  readonly records: readonly EventRecord[];
  /** The tag of the store's generation before it was born. */
  readonly generation: string;
}
