import type { TenantId } from "../core/tenant-id.ts";

/** What is known of a secret. `reason` says what to do, for the author of an agent. */
export type SecretOutcome =
  | { readonly kind: "found"; readonly value: string }
  | { readonly kind: "unusable"; readonly reason: string };

/** The values of secrets, for the moment in which a request is made. */
export interface Secrets {
  /**
   * Finds the value of a tenant's secret. A value that was set over the API goes before one of a file, and that before
   * one of the environment. Those two belong to the operator's tenant alone. Rejects with `StoreUnavailable`.
   */
  resolve(params: { readonly tenantId: TenantId; readonly name: string }): Promise<SecretOutcome>;
}
