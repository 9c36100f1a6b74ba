import type { EventRecord } from "../core/event-record.ts";
import type { TenantLiveLog } from "../ports/live-log.ts";
import type { TenantStore } from "../ports/tenant-store.ts";

/**
 * Reads a page of a run's live log, as far as the store has it. Its facts were committed before they came there. If a
 * read of the store that begins later lacks one, the store has gone back in time. `storedSeq`: the last fact that the
 * store is known to have. The store is asked only for what is above it. Rejects with `StoreUnavailable`.
 */
export async function readLivePage(params: {
  readonly runId: string;
  readonly page: Parameters<TenantLiveLog["read"]>[0];
  readonly storedSeq: number;
  readonly liveLog: Pick<TenantLiveLog, "read">;
  readonly store: Pick<TenantStore, "readTail">;
}): Promise<{ readonly records: readonly EventRecord[]; readonly storedSeq: number } | "store_behind"> {
  const { runId, page, storedSeq, liveLog, store } = params;
  const records = await liveLog.read(page);
  const seq = records.at(-1)?.seq ?? 0;
  if (seq <= storedSeq) return { records, storedSeq };
  const tail = await store.readTail({ runId });
  return tail === null || tail.lastSeq < seq ? "store_behind" : { records, storedSeq: tail.lastSeq };
}
