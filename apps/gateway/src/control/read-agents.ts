import { type Agent, type AgentVersion, isId, type Page } from "@hsafa/protocol";
import type { Principal } from "../access/principal.ts";
import { notFound, type Refusal } from "../access/refusal.ts";
import type { Store } from "../ports/store.ts";
import type { PageParams } from "../ports/tenant-store.ts";

interface Deps {
  readonly store: Store;
}

/** Lists the tenant's agents with their current versions. */
export function listAgents({ store }: Deps, { tenantId }: Principal, page: PageParams): Promise<Page<Agent>> {
  return store.forTenant(tenantId).listAgents(page);
}

/** Finds one agent with its current version. */
export async function findAgent(
  { store }: Deps,
  { tenantId }: Principal,
  params: { readonly idOrName: string },
): Promise<{ readonly kind: "found"; readonly agent: Agent } | Refusal> {
  const agent = await store.forTenant(tenantId).findAgent(params);
  return agent === null ? notFound("agent") : { kind: "found", agent };
}

/** Lists an agent's versions, newest first. */
export async function listVersions(
  { store }: Deps,
  { tenantId }: Principal,
  params: { readonly idOrName: string } & PageParams,
): Promise<{ readonly kind: "found"; readonly page: Page<AgentVersion> } | Refusal> {
  const page = await store.forTenant(tenantId).listVersions(params);
  return page === null ? notFound("agent") : { kind: "found", page };
}

/** Finds one version of an agent. */
export async function findVersion(
  { store }: Deps,
  { tenantId }: Principal,
  params: { readonly idOrName: string; readonly versionId: string },
): Promise<{ readonly kind: "found"; readonly version: AgentVersion } | Refusal> {
  const version = isId(params.versionId) ? await store.forTenant(tenantId).findVersion(params) : null;
  return version === null ? notFound("version of this agent") : { kind: "found", version };
}
