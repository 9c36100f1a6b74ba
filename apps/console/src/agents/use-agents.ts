import type { Agent, AgentVersion } from "@hsafa/protocol";
import { useQuery } from "@tanstack/react-query";
import { useStandingError } from "../elements/use-standing-error.ts";
import { AGENTS_POLL_MS } from "../limits.ts";
import { useSignedIn } from "../session/session-gate.tsx";
import { type ReadList, usePages } from "../use-pages.ts";

/** Reads the agents of the tenant, newest first, and looks for others as long as the page is seen. */
export function useAgents(): ReadList<Agent> {
  const { client } = useSignedIn();
  return usePages(["agents"], (query, signal) => client.agents.list(query, { signal }));
}

/** Reads the versions of an agent, newest first. */
export function useAgentVersions(agent: string): ReadList<AgentVersion> {
  const { client } = useSignedIn();
  return usePages(["agent-versions", agent], (query, signal) => client.agents.versions(agent, query, { signal }));
}

/** Reads an agent by its name. */
export function useAgent(agent: string): { readonly agent: Agent | undefined; readonly error: Error | null } {
  const { client } = useSignedIn();
  const read = useQuery({
    queryKey: ["agent", agent],
    queryFn: ({ signal }) => client.agents.get(agent, { signal }),
    refetchInterval: AGENTS_POLL_MS,
  });
  return { agent: read.data, error: useStandingError(agent, read) };
}
