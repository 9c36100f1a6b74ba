import { type Page, type PageQuery, PAGE_ITEMS_MAX } from "@hsafa/protocol";

/** Yields the items of a list, page by page, at most `limit`. */
export async function* eachItem<T>(
  read: (query: PageQuery) => Promise<Page<T>>,
  limit: number,
): AsyncGenerator<T, void, undefined> {
  let left = limit;
  let cursor: string | undefined;
  while (left > 0) {
    const page: Page<T> = await read({ limit: Math.min(left, PAGE_ITEMS_MAX), cursor });
    yield* page.data;
    left -= page.data.length;
    if (page.nextCursor === null) return;
    cursor = page.nextCursor;
  }
}
