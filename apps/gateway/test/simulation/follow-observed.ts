import { comparePositions, type Position } from "@hsafa/protocol";
import type { EventRecord } from "../../src/core/event-record.ts";
import { FOLLOW_PAGE_RECORDS_MAX } from "../../src/follow/limits.ts";
import type { LiveLog } from "../../src/ports/live-log.ts";
import type { Store } from "../../src/ports/store.ts";
import type { TenantStore } from "../../src/ports/tenant-store.ts";
import type { Plant } from "./plants.ts";
import type { Recorder } from "./recorder.ts";

interface PageRead {
  readonly runId: string;
  readonly after: Position;
  readonly limit: number;
}

/**
 * Observes what a gateway's follow hub reads. The hub has had in memory what came after the position where the run
 * stood when a watcher began here. So a page after that position is read by a watcher that lags behind what was
 * evicted. Not all such pages are counted: one is missed if another watcher began further ahead. The bug planted here
 * is a bug of the hub.
 */
export function observeFollowing(params: {
  readonly store: Store;
  readonly liveLog: LiveLog;
  readonly recorder: Recorder;
  readonly plant: Plant | null;
}): { readonly store: Store; readonly liveLog: LiveLog } {
  const { store, liveLog, recorder, plant } = params;
  /** By run: the highest last seq that was read here when a watcher began. */
  const tails = new Map<string, number>();
  const tenants = new Map<string, TenantStore>();

  function isLagging({ runId, after, limit }: PageRead): boolean {
    const tail = tails.get(runId);
    return (
      limit === FOLLOW_PAGE_RECORDS_MAX && tail !== undefined && comparePositions(after, { seq: tail, sub: 0 }) >= 0
    );
  }

  async function read(page: PageRead, records: Promise<readonly EventRecord[]>): Promise<readonly EventRecord[]> {
    if (!isLagging(page)) return records;
    recorder.counts.laggingReads += 1;
    return plant === "resume_one_too_late" ? (await records).slice(1) : records;
  }

  function observe(tenant: TenantStore): TenantStore {
    return {
      ...tenant,
      async readTail(tailParams) {
        const tail = await tenant.readTail(tailParams);
        const { runId } = tailParams;
        if (tail !== null) tails.set(runId, Math.max(tail.lastSeq, tails.get(runId) ?? 0));
        return tail;
      },
      readEvents: (page) => read(page, tenant.readEvents(page)),
    };
  }

  return {
    store: {
      ...store,
      forTenant(tenantId) {
        let tenant = tenants.get(tenantId);
        if (tenant === undefined) tenants.set(tenantId, (tenant = observe(store.forTenant(tenantId))));
        return tenant;
      },
    },
    liveLog: {
      ...liveLog,
      forTenant(tenantId) {
        const tenantLog = liveLog.forTenant(tenantId);
        return { ...tenantLog, read: (page) => read(page, tenantLog.read(page)) };
      },
    },
  };
}
