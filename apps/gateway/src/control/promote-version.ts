import type { Agent } from "@hsafa/protocol";
import { actorOf } from "../access/actor-of.ts";
import type { Principal } from "../access/principal.ts";
import { notFound, type Refusal } from "../access/refusal.ts";
import type { Store } from "../ports/store.ts";
import { shownAgent } from "./read-agents.ts";

/** Sets which version of an agent new runs take. */
export async function promoteVersion(
  { store }: { readonly store: Store },
  principal: Principal,
  params: { readonly idOrName: string; readonly versionId: string },
): Promise<{ readonly kind: "promoted"; readonly agent: Agent } | Refusal> {
  const agent = await store.forTenant(principal.tenantId).promoteVersion({ ...params, by: actorOf(principal) });
  return agent === null
    ? notFound("agent, or no such version of it,")
    : { kind: "promoted", agent: shownAgent(principal, agent) };
}
