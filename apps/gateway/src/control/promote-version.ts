import { type Agent, isId } from "@hsafa/protocol";
import { actorOf } from "../access/actor-of.ts";
import type { Principal } from "../access/principal.ts";
import { notFound, type Refusal, refuse } from "../access/refusal.ts";
import type { Store } from "../ports/store.ts";
import { childAgentFaults } from "./child-agent-faults.ts";
import { shownAgent } from "./read-agents.ts";

/** Sets which version of an agent new runs take. One that would close a cycle of agents is refused, as by a push. */
export async function promoteVersion(
  { store }: { readonly store: Store },
  principal: Principal,
  params: { readonly idOrName: string; readonly versionId: string },
): Promise<{ readonly kind: "promoted"; readonly agent: Agent } | Refusal> {
  const own = store.forTenant(principal.tenantId);
  const version = isId(params.versionId) ? await own.findVersion(params) : null;
  const name = version?.config?.["name"];
  const faults =
    version?.config === undefined || typeof name !== "string"
      ? []
      : await childAgentFaults(own, { name, config: version.config });
  if (faults.length > 0)
    return refuse("invalid_agent_config", "New runs cannot take this version now; see 'errors'.", faults);
  const agent = await own.promoteVersion({ ...params, by: actorOf(principal) });
  return agent === null
    ? notFound("agent, or no such version of it,")
    : { kind: "promoted", agent: shownAgent(principal, agent) };
}
