import type { Clock } from "../../src/ports/clock.ts";
import type { Store } from "../../src/ports/store.ts";
import { dueRuns } from "./store-claim.ts";
import { createMemoryFileStore } from "./store-files.ts";
import { createMemoryFleetStore } from "./store-fleet.ts";
import { Rows } from "./store-rows.ts";
import { createMemoryTenantStore } from "./store-tenant.ts";
import type { TenantId } from "../../src/core/tenant-id.ts";

/** A store in memory, with the faults of a database that serves several processes. */
export interface MemoryStore extends Store {
  /** The connection of this gateway ends, with its process or by itself. */
  cutLifeline(gatewayId: string): void;
  /** Every connection ends, as in a restart of the database. That makes no gateway dead. */
  forgetLifelines(): void;
  /** The runs of this tenant that are due and nobody holds, with the time since then in ms. */
  dueRuns(tenantId: TenantId): {
    readonly runId: string;
    readonly waitedMs: number;
    readonly isLost: boolean;
    readonly isOnLastChance: boolean;
  }[];
  /** How many runs of this tenant gateways hold. */
  heldRuns(tenantId: TenantId): number;
  /** How many files and chunks there are, those that go included. */
  keptFiles(): { readonly files: number; readonly chunks: number };
  /** Keeps the rows as they are now. The returned function puts them back, as a restore does. */
  keep(): () => void;
  /** The server starts anew: no run is claimed until it is judged. */
  restart(): void;
}

/**
 * The canonical store in memory, with every guarantee of the ports. Each statement runs in one go, so statements never
 * race. Time is the given clock's. It serves the simulation, for which a database is too slow.
 */
export function createMemoryStore({ clock }: { readonly clock: Clock }): MemoryStore {
  const rows = new Rows(clock);
  return {
    forTenant: (tenantId) => createMemoryTenantStore(rows, tenantId),
    fleet: createMemoryFleetStore(rows),
    files: createMemoryFileStore(rows),
    check: async () => null,
    close: async () => {},
    cutLifeline(gatewayId) {
      const gateway = rows.gateways.get(gatewayId);
      if (gateway?.lifeline === "held") gateway.lifeline = "cut";
    },
    dueRuns: (tenantId) => dueRuns(rows, tenantId),
    heldRuns: (tenantId) =>
      [...rows.runs.values()].filter((run) => run.tenantId === tenantId && run.leaseOwner !== null).length,
    keptFiles: () => ({ files: rows.files.size, chunks: rows.fileChunks.size }),
    keep: () => rows.keep(),
    restart() {
      rows.isJudged = false;
    },
    forgetLifelines() {
      for (const gateway of rows.gateways.values()) gateway.lifeline = "none";
    },
  };
}
