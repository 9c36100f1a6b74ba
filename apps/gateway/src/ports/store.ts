import type { FileStore } from "./file-store.ts";
import type { FleetStore } from "./fleet-store.ts";
import type { TenantStore } from "./tenant-store.ts";
import type { TenantId } from "../core/tenant-id.ts";

/** The canonical store: Postgres, or PGlite in this process. */
export interface Store {
  /** Returns the statements that serve requests. Each names this tenant (R10). */
  forTenant(tenantId: TenantId): TenantStore;
  /** The statements that serve all tenants: the engine's, and a gateway's own. */
  readonly fleet: FleetStore;
  /** Keeps the bytes of files in the same database. */
  readonly files: FileStore;
  /** Returns what is wrong with the store: it cannot be reached, or a migration is not applied. Null: nothing. */
  check(): Promise<string | null>;
  close(): Promise<void>;
}

/**
 * The store cannot be reached now, or the connection broke and the outcome of the statement is unknown. Every method
 * may throw it, and every method may be repeated. Any other error is a bug.
 */
export class StoreUnavailable extends Error {
  override readonly name = "StoreUnavailable";
}
