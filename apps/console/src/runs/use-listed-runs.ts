import type { Page, Run } from "@hsafa/protocol";
import { type InfiniteData, useInfiniteQuery, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useStandingError } from "../elements/use-standing-error.ts";
import { EMPTY_PAGES_MAX, LIST_PAGE_ITEMS, LIST_POLL_MS } from "../limits.ts";
import { useSignedIn } from "../session/session-gate.tsx";
import { type ListedRuns, mergeRuns } from "./listed-runs.ts";
import { listQueryOf, type RunFilters } from "./run-filters.ts";

/** A list of runs that stays new. */
export interface RunList extends ListedRuns {
  readonly isLoading: boolean;
  readonly error: Error | null;
  /** Whether the newest page could not be read just now. */
  readonly isStale: boolean;
  readonly hasMore: boolean;
  readonly showMore: () => void;
  /** Goes on with a search that has found nothing for some pages; null: there is none. */
  readonly searchOn: (() => void) | null;
  /** Puts the runs that have arrived above the others. */
  readonly showArrived: () => void;
}

/** Reads the runs that the filters let through, and looks for newer ones as long as the page is seen. */
export function useListedRuns(filters: RunFilters): RunList {
  const { client } = useSignedIn();
  const queries = useQueryClient();
  const key = ["runs", filters] as const;
  const [allowed, setAllowed] = useState({ filters, pages: EMPTY_PAGES_MAX });
  const read = (cursor: string | undefined, signal: AbortSignal): Promise<Page<Run>> =>
    client.runs.list({ ...listQueryOf(filters, Date.now()), limit: LIST_PAGE_ITEMS, cursor }, { signal });
  const pages = useInfiniteQuery({
    queryKey: key,
    queryFn: ({ pageParam, signal }) => read(pageParam, signal),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: ({ nextCursor }) => nextCursor ?? undefined,
    refetchOnWindowFocus: false,
  });
  const newest = useQuery({
    queryKey: ["newest-runs", filters],
    queryFn: ({ signal }) => read(undefined, signal),
    refetchInterval: LIST_POLL_MS,
    enabled: pages.isSuccess,
  });
  const error = useStandingError(JSON.stringify(filters), pages);
  const loaded = pages.data?.pages.flatMap(({ data }) => data) ?? [];
  const merged = mergeRuns(loaded, newest.data?.data ?? []);
  const emptyPages = pages.data?.pages.toReversed().findIndex(({ data }) => data.length > 0) ?? 0;
  const searched = emptyPages < 0 ? (pages.data?.pages.length ?? 0) : emptyPages;
  const mayRead = pages.hasNextPage && searched < (allowed.filters === filters ? allowed.pages : EMPTY_PAGES_MAX);
  return {
    ...merged,
    isLoading: pages.isPending,
    error,
    isStale: newest.isError,
    hasMore: mayRead,
    searchOn:
      pages.hasNextPage && !mayRead
        ? () => {
            setAllowed({ filters, pages: searched + EMPTY_PAGES_MAX });
            void pages.fetchNextPage();
          }
        : null,
    showMore: () => {
      if (!pages.isFetching) void pages.fetchNextPage();
    },
    showArrived: () => {
      // More have arrived than one page holds: what lies between was not read.
      if (merged.arrived.length >= LIST_PAGE_ITEMS) {
        void pages.refetch();
        return;
      }
      queries.setQueryData<InfiniteData<Page<Run>, string | undefined>>(key, (data) => {
        if (data === undefined) return data;
        const [first, ...rest] = data.pages;
        if (first === undefined) return data;
        return { ...data, pages: [{ ...first, data: [...merged.arrived, ...first.data] }, ...rest] };
      });
    },
  };
}
