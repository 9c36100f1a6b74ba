import type { AgentVersion, Run } from "@hsafa/protocol";
import { useQuery } from "@tanstack/react-query";
import { useSignedIn } from "../session/session-gate.tsx";

/** Reads the version of its agent that a run executes; undefined until it was read. */
export function useVersion({ agentId, versionId }: Pick<Run, "agentId" | "versionId">): AgentVersion | undefined {
  const { client } = useSignedIn();
  const { data } = useQuery({
    queryKey: ["agent-version", versionId],
    queryFn: ({ signal }) => client.agents.version(agentId, versionId, { signal }),
    // A version never changes.
    staleTime: Number.POSITIVE_INFINITY,
  });
  return data;
}
