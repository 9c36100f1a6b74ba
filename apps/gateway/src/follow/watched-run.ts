import type { Position } from "@hsafa/protocol";
import type { EventRecord } from "../core/event-record.ts";
import type { RingView } from "./event-ring.ts";

/** What a watcher uses of the run that it watches. */
export interface WatchedRun {
  readonly tenantId: string;
  readonly runId: string;
  /** The tag of the store's generation. */
  readonly generation: string;
  /** Whether the terminal fact has been accepted. */
  readonly hasEnded: boolean;
  /** The events after a position, as far as they are in memory. */
  after(position: Position): RingView;
  /** Reads the records that follow a position, oldest first; none when the stores are behind. */
  readNext(position: Position): Promise<readonly EventRecord[]>;
}
