import type { SetQuotasBody, TenantQuotas } from "@hsafa/protocol";
import { actorOf } from "../access/actor-of.ts";
import type { Principal } from "../access/principal.ts";
import { notFound, type Refusal } from "../access/refusal.ts";
import { requireOperator } from "../access/require-operator.ts";
import { msUntilNextDay } from "../core/quotas.ts";
import { namedTenant } from "./named-tenant.ts";
import type { UseCaseDeps } from "./use-case-deps.ts";
import type { TenantId } from "../core/tenant-id.ts";

type Deps = Pick<UseCaseDeps, "store" | "clock" | "quotas">;

export type QuotasOutcome = { readonly kind: "found"; readonly quotas: TenantQuotas } | Refusal;

/** Returns what a tenant has and may have. Anybody may ask for the own tenant, the operator for every one. */
export async function readQuotas(
  deps: Deps,
  principal: Principal,
  { tenant }: { readonly tenant: string | undefined },
): Promise<QuotasOutcome> {
  const found = await namedTenant(deps, principal, tenant);
  return found.kind === "refused" ? found : standing(deps, found.tenantId);
}

/** Sets limits of a tenant. A tenant's own key, whatever its scopes, must not raise what the tenant may have. */
export async function setQuotas(
  deps: Deps,
  principal: Principal,
  { tenant, quotas }: SetQuotasBody,
): Promise<QuotasOutcome> {
  const refusal = requireOperator(principal, "sets quotas");
  if (refusal !== null) return refusal;
  const found = await namedTenant(deps, principal, tenant);
  if (found.kind === "refused") return found;
  await deps.store.forTenant(found.tenantId).setLimits({ limits: quotas, by: actorOf(principal) });
  deps.quotas.forget(found.tenantId);
  return standing(deps, found.tenantId);
}

async function standing({ quotas, clock }: Deps, tenantId: TenantId): Promise<QuotasOutcome> {
  const standings = await quotas.standings(tenantId);
  if (standings === null) return notFound("quota");
  const now = clock.now();
  return {
    kind: "found",
    quotas: { quotas: standings, tokensResetAt: new Date(now + msUntilNextDay(now)).toISOString() },
  };
}
