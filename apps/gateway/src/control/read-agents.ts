import { type Agent, type AgentVersion, isId, type Page } from "@hsafa/protocol";
import type { Principal } from "../access/principal.ts";
import { notFound, type Refusal } from "../access/refusal.ts";
import { hasScope } from "../access/scopes.ts";
import type { Store } from "../ports/store.ts";
import type { PageParams } from "../ports/tenant-store.ts";
import { maskCredentials } from "./plain-credentials.ts";

interface Deps {
  readonly store: Store;
}

/** Lists the tenant's agents with their current versions. */
export async function listAgents({ store }: Deps, principal: Principal, page: PageParams): Promise<Page<Agent>> {
  const { data, nextCursor } = await store.forTenant(principal.tenantId).listAgents(page);
  return { data: data.map((agent) => shownAgent(principal, agent)), nextCursor };
}

/** Finds one agent with its current version. */
export async function findAgent(
  { store }: Deps,
  principal: Principal,
  params: { readonly idOrName: string },
): Promise<{ readonly kind: "found"; readonly agent: Agent } | Refusal> {
  const agent = await store.forTenant(principal.tenantId).findAgent(params);
  return agent === null ? notFound("agent") : { kind: "found", agent: shownAgent(principal, agent) };
}

/** Lists an agent's versions, newest first. */
export async function listVersions(
  { store }: Deps,
  principal: Principal,
  params: { readonly idOrName: string } & PageParams,
): Promise<{ readonly kind: "found"; readonly page: Page<AgentVersion> } | Refusal> {
  const page = await store.forTenant(principal.tenantId).listVersions(params);
  if (page === null) return notFound("agent");
  return {
    kind: "found",
    page: { data: page.data.map((version) => shownVersion(principal, version)), nextCursor: page.nextCursor },
  };
}

/** Finds one version of an agent. */
export async function findVersion(
  { store }: Deps,
  principal: Principal,
  params: { readonly idOrName: string; readonly versionId: string },
): Promise<{ readonly kind: "found"; readonly version: AgentVersion } | Refusal> {
  const version = isId(params.versionId) ? await store.forTenant(principal.tenantId).findVersion(params) : null;
  return version === null
    ? notFound("version of this agent")
    : { kind: "found", version: shownVersion(principal, version) };
}

/**
 * An agent as this principal sees it. Nobody reads a credential from its config, and the config itself is for those who
 * write configs: its instructions are the author's.
 */
export function shownAgent(principal: Principal, agent: Agent): Agent {
  const { currentVersion } = agent;
  return currentVersion === null ? agent : { ...agent, currentVersion: shownVersion(principal, currentVersion) };
}

function shownVersion(principal: Principal, { config, ...version }: AgentVersion): AgentVersion {
  if (config === undefined || !hasScope(principal, ["agents:write"])) return version;
  return { ...version, config: maskCredentials(config) };
}
