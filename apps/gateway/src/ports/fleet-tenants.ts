import type { Page } from "@hsafa/protocol";
import type { TenantId } from "../core/tenant-id.ts";
import type { Act } from "./act.ts";
import type { PageParams } from "./tenant-store.ts";

/** A tenant as the store knows it. */
export interface TenantRecord {
  readonly id: TenantId;
  readonly name: string;
  /** ISO 8601, UTC. */
  readonly createdAt: string;
  /** Since when nothing of it is served; null: it is. */
  readonly disabledAt: string | null;
}

/** The statements about tenants, for the operator. Each may be repeated when its outcome is unknown. */
export interface FleetTenants {
  /** Makes a tenant. Null: another one has this name. */
  createTenant(params: Act & { readonly tenantId: string; readonly name: string }): Promise<TenantRecord | null>;
  /** Newest first. */
  listTenants(params: PageParams): Promise<Page<TenantRecord>>;
  /** Returns the tenant of this id or name; null: there is none. */
  findTenant(params: { readonly idOrName: string }): Promise<TenantRecord | null>;
  /**
   * Disables a tenant, or enables it again. No key of a disabled tenant is found. Each change is a revocation of its
   * own: `disabled` ends what the tenant's credentials opened, and the tokens made so far for good. `enabled` lets its
   * keys in again.
   */
  setTenantDisabled(
    params: Act & {
      readonly tenantId: TenantId;
      readonly isDisabled: boolean;
    },
  ): Promise<TenantRecord | null>;
}
