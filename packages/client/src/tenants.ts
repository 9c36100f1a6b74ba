import type {
  ApiKeyWithSecret,
  CreateKeyBody,
  CreateTenantBody,
  Page,
  PageQuery,
  Tenant,
  TenantWithKey,
} from "@hsafa/protocol";
import type { CallOptions, Connection } from "./connection.ts";

/** The calls about tenants, for the operator's key alone. Each rejects as those of the other interfaces do. */
export interface Tenants {
  /** Makes a tenant. The secret of its first key is in `key.key`, this once. */
  create(params: CreateTenantBody, options?: CallOptions): Promise<TenantWithKey>;
  /** Returns a page of tenants, newest first. */
  list(query?: PageQuery, options?: CallOptions): Promise<Page<Tenant>>;
  /** Returns a tenant as it stands. */
  get(idOrName: string, options?: CallOptions): Promise<Tenant>;
  /** Makes a key in a tenant, for one that lost its own. */
  createKey(idOrName: string, params: CreateKeyBody, options?: CallOptions): Promise<ApiKeyWithSecret>;
  /** Ends what the tenant's credentials opened within a second, and cancels its runs. */
  disable(idOrName: string, options?: CallOptions): Promise<Tenant>;
  /** Lets the tenant's keys in again. Its tokens and runs of before have ended. */
  enable(idOrName: string, options?: CallOptions): Promise<Tenant>;
}

/** Makes the calls about tenants. */
export function createTenants(connection: Connection): Tenants {
  const path = (idOrName: string): string => `/api/tenants/${encodeURIComponent(idOrName)}`;
  return {
    create(params, options = {}) {
      return connection.call("/api/tenants", { method: "POST", body: params, ...options });
    },
    list(query = {}, options = {}) {
      return connection.call("/api/tenants", { query: { ...query }, ...options });
    },
    get(idOrName, options = {}) {
      return connection.call(path(idOrName), options);
    },
    createKey(idOrName, params, options = {}) {
      return connection.call(`${path(idOrName)}/keys`, { method: "POST", body: params, ...options });
    },
    disable(idOrName, options = {}) {
      return connection.call(`${path(idOrName)}/disable`, { method: "POST", ...options });
    },
    enable(idOrName, options = {}) {
      return connection.call(`${path(idOrName)}/enable`, { method: "POST", ...options });
    },
  };
}
