import type { FleetStore } from "./fleet-store.ts";
import type { TenantStore } from "./tenant-store.ts";

/** The canonical store: Postgres, or PGlite in the process. It has two faces. */
export interface Store {
  /** What serves requests: every statement names this tenant (R10). */
  forTenant(tenantId: string): TenantStore;
  /** What serves all tenants at once: the engine's statements and a gateway's own. */
  readonly fleet: FleetStore;
  /** Whether it answers and its migrations are applied: null, or what is wrong. */
  check(): Promise<string | null>;
  close(): Promise<void>;
}

/**
 * A store that cannot be reached now, or a statement whose outcome is unknown because the connection broke. Every
 * method of both faces may throw it; every statement is safe to repeat. Anything else thrown is a bug.
 */
export class StoreUnavailable extends Error {
  override readonly name = "StoreUnavailable";
}
