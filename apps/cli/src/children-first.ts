import type { AgentConfigInput } from "@hsafa/protocol";
import type { AgentFile } from "./agent-file.ts";

/**
 * Returns these in an order in which the gateway takes them: an agent comes after those that its tools start. Agents
 * that start each other are left as they stand. The gateway says what is wrong with them.
 */
export function childrenFirst<Item extends { readonly agent: AgentFile }>(items: readonly Item[]): Item[] {
  const named = new Map(items.map((item) => [item.agent.name, item]));
  const ordered = new Set<Item>();
  const begun = new Set<Item>();
  const add = (item: Item): void => {
    if (begun.has(item)) return;
    begun.add(item);
    for (const name of childAgentsOf(item.agent)) {
      const child = named.get(name);
      if (child !== undefined) add(child);
    }
    ordered.add(item);
  };
  for (const item of items) add(item);
  return [...ordered];
}

function childAgentsOf({ config }: AgentFile): string[] {
  // The gateway checks the config. Here it may be anything.
  const { tools } = config as Partial<AgentConfigInput>;
  return Array.isArray(tools) ? tools.flatMap(({ server }) => (server?.type === "agent" ? [server.agent] : [])) : [];
}
