import type { Clock } from "../../src/ports/clock.ts";
import type { Store } from "../../src/ports/store.ts";
import { createMemoryFleetStore } from "./store-fleet.ts";
import { Rows } from "./store-rows.ts";
import { createMemoryTenantStore } from "./store-tenant.ts";

/** A store in memory, with the faults of a database that serves several processes. */
export interface MemoryStore extends Store {
  /** The connection of this gateway ends, with its process or by itself. */
  cutLifeline(gatewayId: string): void;
  /** Every connection ends, as in a restart of the database. That makes no gateway dead. */
  forgetLifelines(): void;
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
