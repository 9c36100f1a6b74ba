import type { Clock } from "../../ports/clock.ts";
import type { Store } from "../../ports/store.ts";
import { createMemoryFleetStore } from "./store-fleet.ts";
import { Rows } from "./store-rows.ts";
import { createMemoryTenantStore } from "./store-tenant.ts";

/**
 * The canonical store in process: every guarantee of the ports, nothing kept beyond the process. Each statement is done in one go, so there are no races inside it; its
 * time is the given clock's. It serves the simulation, for which a database is too slow.
 */
export function createMemoryStore({ clock }: { readonly clock: Clock }): Store {
  const rows = new Rows(clock);
  return {
    forTenant: (tenantId) => createMemoryTenantStore(rows, tenantId),
    fleet: createMemoryFleetStore(rows),
    check: async () => null,
    close: async () => {},
  };
}
