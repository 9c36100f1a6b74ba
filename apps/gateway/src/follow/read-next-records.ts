import { comparePositions, type Position } from "@hsafa/protocol";
import { accept, acceptFromStore, type EventRecord } from "../core/event-record.ts";
import type { TenantLiveLog } from "../ports/live-log.ts";
import type { TenantStore } from "../ports/tenant-store.ts";
import { acceptedRecords } from "./accepted-records.ts";
import { FOLLOW_PAGE_RECORDS_MAX } from "./limits.ts";

/**
 * Reads the records that a reader at a position takes next, oldest first and a page at most. They come from the live
 * log if it has them, else from the store. None: the stores hold nothing that may follow. Rejects with
 * `StoreUnavailable`.
 */
export async function readNextRecords(params: {
  readonly runId: string;
  readonly position: Position;
  /** Up to here the run was followed. What the live log holds above may be of a lost history. */
  readonly head: Position;
  /** Null: not to be asked. */
  readonly liveLog: Pick<TenantLiveLog, "read"> | null;
  readonly store: Pick<TenantStore, "readEvents">;
}): Promise<readonly EventRecord[]> {
  const { runId, position, head, liveLog, store } = params;
  const limit = FOLLOW_PAGE_RECORDS_MAX;
  const recent = (await liveLog?.read({ runId, after: position, limit })) ?? [];
  const known = recent.filter((record) => comparePositions(record, head) <= 0);
  const live = acceptedRecords(position, known, accept);
  if (live.length > 0) return live;
  for (let after = position; ; ) {
    const page = await store.readEvents({ runId, after, limit, factsOnly: false });
    const last = page.at(-1);
    if (last === undefined) return [];
    const stored = acceptedRecords(position, page, acceptFromStore);
    if (stored.length > 0) return stored;
    after = last;
  }
}
