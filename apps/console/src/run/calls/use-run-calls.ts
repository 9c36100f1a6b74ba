import type { ToolCall } from "@hsafa/protocol";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useRef } from "react";
import { usePaced } from "../../elements/use-paced.ts";
import { CALLS_PAGE_ITEMS, CALLS_READ_EVERY_MS, CALLS_READ_MAX } from "../../limits.ts";
import { useSignedIn } from "../../session/session-gate.tsx";

/** The calls of a run, with the devices that had them. */
export interface RunCalls {
  readonly calls: readonly ToolCall[];
  /** Whether the run has more than were read. */
  readonly hasMore: boolean;
}

const NONE: RunCalls = { calls: [], hasMore: false };

/** Calls that do not change any more, and where the others begin. */
interface Settled {
  readonly calls: readonly ToolCall[];
  readonly cursor: string | undefined;
}

/** Reads the calls of a run, and again those that may have changed whenever the run has more facts of calls. */
export function useRunCalls(runId: string, facts: number): RunCalls {
  const { client } = useSignedIn();
  const settled = useRef<Settled>({ calls: [], cursor: undefined });
  const paced = usePaced(facts, CALLS_READ_EVERY_MS);
  const { data = NONE } = useQuery({
    queryKey: ["run-calls", runId, paced],
    queryFn: async ({ signal }): Promise<RunCalls> => {
      const calls = [...settled.current.calls];
      let { cursor } = settled.current;
      let isSettled = true;
      do {
        const page = await client.runs.toolCalls(runId, { limit: CALLS_PAGE_ITEMS, cursor }, { signal });
        calls.push(...page.data);
        cursor = page.nextCursor ?? undefined;
        isSettled &&= cursor !== undefined && page.data.every(({ settledAt }) => settledAt !== null);
        if (isSettled) settled.current = { calls: [...calls], cursor };
      } while (cursor !== undefined && calls.length < CALLS_READ_MAX);
      return { calls, hasMore: cursor !== undefined };
    },
    placeholderData: keepPreviousData,
    // Each change has a key of its own. A list that is kept for each of them would fill a tab that follows for long.
    gcTime: 0,
    enabled: runId !== "",
  });
  return data;
}
