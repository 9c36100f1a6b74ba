import { type AuditActor, PAGE_ITEMS_MAX, type RunStatus, type Tenant } from "@hsafa/protocol";
import { actorOf } from "../access/actor-of.ts";
import type { Principal } from "../access/principal.ts";
import { notFound, type Refusal, refuse } from "../access/refusal.ts";
import type { TenantId } from "../core/tenant-id.ts";
import { DISABLED_RUNS_AT_ONCE_MAX, DISABLED_RUNS_CANCELED_MAX } from "./limits.ts";
import { operatedTenant } from "./read-tenants.ts";
import type { UseCaseDeps } from "./use-case-deps.ts";

type Deps = Pick<UseCaseDeps, "store" | "bell">;
type Outcome = { readonly kind: "changed"; readonly tenant: Tenant } | Refusal;

const OPEN: readonly RunStatus[] = ["running", "waiting_tool", "queued"];
const REASON = "the tenant was disabled";

/**
 * Disables a tenant: its credentials are taken no more, what they opened ends within a second on every gateway, and its
 * runs are canceled. One call cancels `DISABLED_RUNS_CANCELED_MAX` runs. Repeated, it cancels those that are left.
 */
export async function disableTenant(deps: Deps, principal: Principal, idOrName: string): Promise<Outcome> {
  const found = await operatedTenant(deps, principal, { idOrName, what: "disables tenants" });
  if (found.kind === "refused") return found;
  if (found.tenant.id === principal.tenantId) {
    return refuse("forbidden", "This is the operator's own tenant; disabled, it could enable no tenant again.");
  }
  const by = actorOf(principal);
  const outcome = await change(deps, found.tenant.id, true, by);
  await cancelRuns(deps, found.tenant.id, by);
  return outcome;
}

/** Enables a tenant again. Its keys work as before. Its tokens and its runs of before have ended. */
export async function enableTenant(deps: Deps, principal: Principal, idOrName: string): Promise<Outcome> {
  const found = await operatedTenant(deps, principal, { idOrName, what: "enables tenants" });
  return found.kind === "refused" ? found : change(deps, found.tenant.id, false, actorOf(principal));
}

async function change(
  { store, bell }: Deps,
  tenantId: TenantId,
  isDisabled: boolean,
  by: AuditActor,
): Promise<Outcome> {
  const tenant = await store.fleet.setTenantDisabled({ tenantId, isDisabled, by });
  if (tenant === null) return notFound("tenant");
  bell.ring({ about: "revocation", tenantId });
  return { kind: "changed", tenant };
}

async function cancelRuns({ store, bell }: Deps, tenantId: TenantId, by: AuditActor): Promise<void> {
  const tenant = store.forTenant(tenantId);
  const cancel = async (runId: string): Promise<void> => {
    const input = { kind: "cancel", reason: REASON } as const;
    await tenant.enqueueInput({ by, runId, input, dedupe: { key: "cancel", bodyHash: "" } });
    bell.ring({ about: "run", runId });
  };
  let left = DISABLED_RUNS_CANCELED_MAX;
  for (const status of OPEN) {
    let cursor: string | undefined;
    do {
      const limit = Math.min(left, PAGE_ITEMS_MAX);
      if (limit === 0) return;
      const all = { agent: undefined, threadId: undefined, subject: undefined };
      const page = await tenant.listRuns({ status, ...all, limit, cursor });
      const runIds = page.data.map(({ id }) => id);
      left -= runIds.length;
      while (runIds.length > 0) await Promise.all(runIds.splice(0, DISABLED_RUNS_AT_ONCE_MAX).map(cancel));
      cursor = page.nextCursor ?? undefined;
    } while (cursor !== undefined);
  }
}
