import type { AgentConfigInput, JsonObject } from "@hsafa/protocol";
import type { ValidationFault } from "../access/schema-faults.ts";
import type { TenantStore } from "../ports/tenant-store.ts";
import { CHILD_AGENTS_WALKED_MAX } from "./limits.ts";

/**
 * What is wrong with the agents that the tools of this config start as children. One is not there, or it leads back to
 * the agent itself by the versions that are current. Whatever changes later is found when a call is made.
 */
export async function childAgentFaults(
  store: Pick<TenantStore, "findAgent">,
  { name, config }: { readonly name: string; readonly config: JsonObject },
): Promise<ValidationFault[]> {
  const walked = new Map<string, readonly string[] | null>();
  const faults: ValidationFault[] = [];
  for (const { index, agent } of childAgentsOf(config)) {
    const path = `config.tools.${index}.server.agent`;
    const found =
      agent === name ? { kind: "leads_back" as const, way: [name] } : await wayBack(store, agent, name, walked);
    if (found.kind === "missing") faults.push({ path, message: `there is no agent '${agent}'; push it first` });
    if (found.kind === "leads_back") {
      const way = [name, ...found.way].join(" -> ");
      faults.push({ path, message: `leads back to this agent, and no agent works below itself: ${way}` });
    }
  }
  return faults;
}

type Found =
  | { readonly kind: "fine" }
  | { readonly kind: "missing" }
  /** The names from the child down to the agent itself. */
  | { readonly kind: "leads_back"; readonly way: readonly string[] };

/** Walks the agents below `from`, level by level, and looks for `target`. `walked`: the children of those read. */
async function wayBack(
  store: Pick<TenantStore, "findAgent">,
  from: string,
  target: string,
  walked: Map<string, readonly string[] | null>,
): Promise<Found> {
  const ways = [[from]];
  const seen = new Set([from]);
  for (let way = ways.shift(); way !== undefined; way = ways.shift()) {
    const [at = from] = way.slice(-1);
    if (!walked.has(at)) {
      // What is not walked is found when a call is made.
      if (walked.size >= CHILD_AGENTS_WALKED_MAX) return { kind: "fine" };
      const config = (await store.findAgent({ idOrName: at }))?.currentVersion?.config;
      walked.set(at, config === undefined ? null : childAgentsOf(config).map(({ agent }) => agent));
    }
    const children = walked.get(at) ?? null;
    if (children === null && at === from) return { kind: "missing" };
    for (const child of children ?? []) {
      if (child === target) return { kind: "leads_back", way: [...way, child] };
      if (seen.has(child)) continue;
      seen.add(child);
      ways.push([...way, child]);
    }
  }
  return { kind: "fine" };
}

function childAgentsOf(config: JsonObject): { readonly index: number; readonly agent: string }[] {
  const { tools = [] } = config as unknown as AgentConfigInput;
  return tools.flatMap(({ server }, index) => (server?.type === "agent" ? [{ index, agent: server.agent }] : []));
}
