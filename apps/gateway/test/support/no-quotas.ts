import { TenantQuotas } from "../../src/runtime/tenant-quotas.ts";

/** Tenants may have as much as they like. */
export const NO_QUOTAS = new TenantQuotas({
  defaults: null,
  store: { forTenant: () => ({ readUsage: () => Promise.reject(new Error("nobody has quotas")) }) },
  clock: { monotonic: () => 0 },
});
