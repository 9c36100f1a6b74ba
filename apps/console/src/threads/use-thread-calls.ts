import type { ToolCall } from "@hsafa/protocol";
import { type RunView, runsWithMessages, type ThreadView } from "@hsafa/client/view";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { usePaced } from "../elements/use-paced.ts";
import { CALLS_PAGE_ITEMS, CALLS_READ_EVERY_MS, THREAD_RUNS_WITH_CALLS_MAX } from "../limits.ts";
import { useSignedIn } from "../session/session-gate.tsx";

const NONE: readonly ToolCall[] = [];

/** Reads the calls of a thread's latest runs, with the devices that had them, and again when one of them changes. */
export function useThreadCalls(view: ThreadView): readonly ToolCall[] {
  const { client } = useSignedIn();
  const states = runsWithMessages(view)
    .map((run) => ({ runId: run.runId ?? "", state: stateOfCalls(run) }))
    .filter(({ runId, state }) => runId !== "" && state !== "")
    .slice(-THREAD_RUNS_WITH_CALLS_MAX);
  const paced = usePaced(states.map(({ runId, state }) => `${runId} ${state}`).join(), CALLS_READ_EVERY_MS);
  const { data = NONE } = useQuery({
    queryKey: ["thread-calls", paced],
    queryFn: async ({ signal }) => {
      const pages = await Promise.all(
        states.map(({ runId }) => client.runs.toolCalls(runId, { limit: CALLS_PAGE_ITEMS }, { signal })),
      );
      return pages.flatMap(({ data: calls }) => calls);
    },
    placeholderData: keepPreviousData,
    // Each change has a key of its own. A list that is kept for each of them would fill a tab that follows for long.
    gcTime: 0,
    enabled: states.length > 0,
  });
  return data;
}

/** A text that differs once a call of the run is somewhere else. */
function stateOfCalls({ messages }: RunView): string {
  return messages
    .flatMap((message) => (message.role === "assistant" ? message.parts : []))
    .map((part) => (part.type === "tool" ? part.state : ""))
    .join("");
}
