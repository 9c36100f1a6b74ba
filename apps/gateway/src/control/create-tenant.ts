import type { ApiKeyWithSecret, CreateKeyBody, TenantWithKey } from "@hsafa/protocol";
import { actorOf } from "../access/actor-of.ts";
import type { Principal } from "../access/principal.ts";
import { type Refusal, refuse } from "../access/refusal.ts";
import { requireOperator } from "../access/require-operator.ts";
import type { UseCaseDeps } from "./use-case-deps.ts";
import { createKey, refusedKey } from "./create-key.ts";
import { operatedTenant } from "./read-tenants.ts";

type Deps = Pick<UseCaseDeps, "store" | "clock">;

/** Makes a tenant and its first key. The key's secret is shown this once. */
export async function createTenant(
  deps: Deps,
  principal: Principal,
  { name, key }: { readonly name: string; readonly key: CreateKeyBody },
): Promise<{ readonly kind: "made"; readonly tenant: TenantWithKey } | Refusal> {
  const refusal = requireOperator(principal, "makes tenants") ?? refusedKey(key);
  if (refusal !== null) return refusal;
  const tenant = await deps.store.fleet.createTenant({ tenantId: deps.clock.newId(), name, by: actorOf(principal) });
  if (tenant === null) {
    const detail = `There is a tenant of the name '${name}'; make a key in it by POST /api/tenants/:idOrName/keys.`;
    return refuse("name_taken", detail);
  }
  const made = await createKey(deps, principal, { expiresInSeconds: undefined, ...key }, tenant.id);
  return made.kind === "refused" ? made : { kind: "made", tenant: { ...tenant, key: made.key } };
}

/** Makes a key in a tenant, for one that has lost its own. */
export async function createTenantKey(
  deps: Deps,
  principal: Principal,
  idOrName: string,
  key: CreateKeyBody,
): Promise<{ readonly kind: "made"; readonly key: ApiKeyWithSecret } | Refusal> {
  const found = await operatedTenant(deps, principal, { idOrName, what: "makes keys of other tenants" });
  if (found.kind === "refused") return found;
  return createKey(deps, principal, { expiresInSeconds: undefined, ...key }, found.tenant.id);
}
