import type { Principal } from "../access/principal.ts";
import { notFound, type Refusal, refuse } from "../access/refusal.ts";
import type { TenantId } from "../core/tenant-id.ts";
import type { Store } from "../ports/store.ts";

/** Returns the tenant that a request names by `?tenant=`: the principal's own if left out, any for the operator. */
export async function namedTenant(
  { store }: { readonly store: Store },
  principal: Principal,
  idOrName: string | undefined,
): Promise<{ readonly kind: "tenant"; readonly tenantId: TenantId } | Refusal> {
  if (idOrName === undefined) return { kind: "tenant", tenantId: principal.tenantId };
  if (principal.isOperator !== true) {
    return refuse("forbidden", "Only the operator's key asks for another tenant; leave 'tenant' out for your own.");
  }
  const found = await store.fleet.findTenant({ idOrName });
  return found === null ? notFound("tenant") : { kind: "tenant", tenantId: found.id };
}
