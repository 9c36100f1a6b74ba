import type { QuotasQuery, SetQuotasBody, TenantQuotas } from "@hsafa/protocol";
import type { CallOptions, Connection } from "./connection.ts";

/** The calls about quotas. Each rejects with an `HsafaError`, or with the signal's reason. */
export interface QuotaCalls {
  /** Returns what a tenant has and may have: your own one, or with the operator's key the one that you name. */
  get(query?: QuotasQuery, options?: CallOptions): Promise<TenantQuotas>;
  /** Sets what a tenant may have, with the operator's key. `null` goes back to the gateways' default. */
  set(body: SetQuotasBody, options?: CallOptions): Promise<TenantQuotas>;
}

/** Makes the calls about quotas. */
export function createQuotas(connection: Connection): QuotaCalls {
  return {
    get(query = {}, options = {}) {
      return connection.call("/api/quotas", { query: { ...query }, ...options });
    },
    set(body, options = {}) {
      return connection.call("/api/quotas", { method: "PUT", body, ...options });
    },
  };
}
