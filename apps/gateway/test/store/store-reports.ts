import { isoTime } from "../../src/core/iso-time.ts";
import type { FleetState } from "../../src/ports/fleet-store.ts";
import { DUE_RUNS_COUNTED_MAX, DUE_RUNS_SHOWN } from "../../src/ports/limits.ts";
import { isOpen, type Rows } from "./store-rows.ts";

/** How the gateways of the memory store stand. */
export function readFleet(rows: Rows): FleetState {
  const now = rows.now();
  const open = [...rows.runs.values()].filter(isOpen);
  const due = open
    .flatMap((row) => (row.wakeAt !== null && row.wakeAt <= now ? [{ ...row, dueAt: row.wakeAt }] : []))
    .toSorted((a, b) => a.dueAt - b.dueAt);
  const queued = open.filter(({ projection }) => projection.status === "queued").length;
  return {
    now,
    queuedRuns: queued,
    activeRuns: open.length - queued,
    dueRuns: Math.min(DUE_RUNS_COUNTED_MAX, due.length),
    recoveringRuns: open.filter(({ recoveries }) => recoveries > 0).length,
    oldestDue: due.slice(0, DUE_RUNS_SHOWN).map((row) => ({
      runId: row.id,
      tenantId: row.tenantId,
      status: row.projection.status,
      dueAt: isoTime(row.dueAt),
      recoveries: row.recoveries,
    })),
    gateways: [...rows.gateways]
      .toSorted(([, a], [, b]) => b.startedAt - a.startedAt)
      .map(([id, { startedAt, heartbeatAt, stopping, report }]) => ({
        id,
        startedAt: isoTime(startedAt),
        beatenAt: isoTime(heartbeatAt),
        isStopping: stopping,
        report,
      })),
  };
}
