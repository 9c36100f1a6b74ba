import type { Page } from "@hsafa/protocol";
import { cursorId, pageCursor } from "../../ports/page-cursor.ts";
import type { PageParams } from "../../ports/tenant-store.ts";

export const EMPTY_PAGE: Page<never> = { data: [], nextCursor: null };

/**
 * Reads one page. `read` gets one row more than the page holds, to know whether there is a next page. `after`: the id
 * after which the page starts.
 */
export async function readPage<Row extends { readonly id: string }, Item>(
  { limit, cursor }: PageParams,
  read: (params: { readonly after: string | undefined; readonly take: number }) => Promise<readonly Row[]>,
  item: (row: Row) => Item,
): Promise<Page<Item>> {
  const after = cursor === undefined ? undefined : cursorId(cursor);
  if (after === null) return EMPTY_PAGE;
  const rows = await read({ after, take: limit + 1 });
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  const nextCursor = rows.length > limit && last !== undefined ? pageCursor(last.id) : null;
  return { data: shown.map(item), nextCursor };
}
