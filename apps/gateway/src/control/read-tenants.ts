import type { Page, Tenant } from "@hsafa/protocol";
import type { Principal } from "../access/principal.ts";
import { notFound, type Refusal } from "../access/refusal.ts";
import { requireOperator } from "../access/require-operator.ts";
import type { TenantRecord } from "../ports/fleet-tenants.ts";
import type { PageParams } from "../ports/tenant-store.ts";
import type { UseCaseDeps } from "./use-case-deps.ts";

type Deps = Pick<UseCaseDeps, "store">;

/** Lists the tenants. */
export async function listTenants(
  { store }: Deps,
  principal: Principal,
  page: PageParams,
): Promise<{ readonly kind: "listed"; readonly page: Page<Tenant> } | Refusal> {
  return requireOperator(principal, "lists tenants") ?? { kind: "listed", page: await store.fleet.listTenants(page) };
}

/** Returns the tenant of this id or name, for the operator alone. `what` is what the operator does with it. */
export async function operatedTenant(
  { store }: Deps,
  principal: Principal,
  { idOrName, what }: { readonly idOrName: string; readonly what: string },
): Promise<{ readonly kind: "found"; readonly tenant: TenantRecord } | Refusal> {
  const refusal = requireOperator(principal, what);
  if (refusal !== null) return refusal;
  const tenant = await store.fleet.findTenant({ idOrName });
  return tenant === null ? notFound("tenant") : { kind: "found", tenant };
}
