import type { Page } from "@hsafa/protocol";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useStandingError } from "./elements/use-standing-error.ts";
import { AGENTS_PAGE_ITEMS, AGENTS_POLL_MS } from "./limits.ts";

/** A list that is read page by page. */
export interface ReadList<Item> {
  readonly items: readonly Item[];
  readonly isLoading: boolean;
  readonly error: Error | null;
  readonly hasMore: boolean;
  readonly showMore: () => void;
}

/** Reads a list page by page, and again as long as it is seen. */
export function usePages<Item>(
  key: readonly string[],
  read: (query: { readonly limit: number; readonly cursor?: string }, signal: AbortSignal) => Promise<Page<Item>>,
): ReadList<Item> {
  const pages = useInfiniteQuery({
    queryKey: key,
    queryFn: ({ pageParam, signal }) =>
      read({ limit: AGENTS_PAGE_ITEMS, ...(pageParam === null ? {} : { cursor: pageParam }) }, signal),
    initialPageParam: null as string | null,
    getNextPageParam: ({ nextCursor }) => nextCursor,
    refetchInterval: AGENTS_POLL_MS,
  });
  const error = useStandingError(JSON.stringify(key), pages);
  return {
    items: pages.data?.pages.flatMap(({ data }) => data) ?? [],
    isLoading: pages.isPending,
    error,
    hasMore: pages.hasNextPage,
    showMore: () => {
      if (!pages.isFetching) void pages.fetchNextPage();
    },
  };
}
