import type { ToolCall } from "@hsafa/protocol";
import { useQuery } from "@tanstack/react-query";
import { useStandingError } from "../elements/use-standing-error.ts";
import { AWAITING_POLL_MS, CALLS_PAGE_ITEMS } from "../limits.ts";
import { useSignedIn } from "../session/session-gate.tsx";

/** The calls that await an approval, in all runs. */
export interface AwaitingCalls {
  /** The one that waits for longest stands first. */
  readonly calls: readonly ToolCall[];
  readonly hasMore: boolean;
  readonly isLoading: boolean;
  readonly error: Error | null;
}

/** Reads them, and looks for others as long as the page is seen. */
export function useAwaitingCalls(): AwaitingCalls {
  const { client } = useSignedIn();
  const read = useQuery({
    queryKey: ["awaiting-calls"],
    queryFn: ({ signal }) =>
      client.toolCalls.list({ status: "awaiting_approval", limit: CALLS_PAGE_ITEMS }, { signal }),
    refetchInterval: AWAITING_POLL_MS,
  });
  const { data, isPending } = read;
  return {
    calls: data?.data.toReversed() ?? [],
    hasMore: data?.nextCursor !== null && data !== undefined,
    isLoading: isPending,
    error: useStandingError("awaiting", read),
  };
}
