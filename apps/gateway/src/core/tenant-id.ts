declare const tenant: unique symbol;

/**
 * The id of a tenant. No other text is one, so that a query without its tenant, or with another id in its place, does
 * not compile. Only what knows a tenant makes one: the reader of a credential, and the readers of what hsafa wrote
 * (R10).
 */
export type TenantId = string & { readonly [tenant]: true };

/** Takes a text for the id of a tenant. `tenant-id-makers.test.ts` lists who may. */
export function asTenantId(id: string): TenantId {
  return id as TenantId;
}
