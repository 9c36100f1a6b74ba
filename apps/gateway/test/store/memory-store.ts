import type { Clock } from "../../src/ports/clock.ts";
import type { Store } from "../../src/ports/store.ts";
import { createMemoryFleetStore } from "./store-fleet.ts";
import { Rows } from "./store-rows.ts";
import { createMemoryTenantStore } from "./store-tenant.ts";

/** A store in memory, and what happens to a database that serves several processes. */
export interface MemoryStore extends Store {
  /** The connection of this gateway ended: with its process, or by itself. */
  cutLifeline(gatewayId: string): void;
  /** As a restart does: every connection ended, which says nothing of anybody. */
  forgetLifelines(): void;
}

/**
 * The canonical store in process: every guarantee of the ports, nothing kept beyond the process. Each statement is done
 * in one go, so there are no races inside it; its time is the given clock's. It serves the simulation, for which a
 * database is too slow.
 */
export function createMemoryStore({ clock }: { readonly clock: Clock }): MemoryStore {
  const rows = new Rows(clock);
  return {
    forTenant: (tenantId) => createMemoryTenantStore(rows, tenantId),
    fleet: createMemoryFleetStore(rows),
    check: async () => null,
    close: async () => {},
    cutLifeline(gatewayId) {
      const gateway = rows.gateways.get(gatewayId);
      if (gateway?.lifeline === "held") gateway.lifeline = "cut";
    },
    forgetLifelines() {
      for (const gateway of rows.gateways.values()) gateway.lifeline = "none";
    },
  };
}
