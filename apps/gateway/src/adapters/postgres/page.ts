import { isId, type Page } from "@hsafa/protocol";
import type { PageParams } from "../../ports/tenant-store.ts";

/**
 * A cursor is the id of the last row a page held: ids are ordered by time, so they are keys of the list as well. It is
 * opaque to clients; one that is none of ours is null here, and answers an empty page.
 */
export function cursorId(cursor: string): string | null {
  const text = Buffer.from(cursor, "base64url").toString("utf8");
  return isId(text) ? text : null;
}

export const EMPTY_PAGE: Page<never> = { data: [], nextCursor: null };

/**
 * Reads one row more than the page holds, to know whether there is a next one. `after`: the id the page starts after.
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
  const nextCursor = rows.length > limit && last !== undefined ? Buffer.from(last.id).toString("base64url") : null;
  return { data: shown.map(item), nextCursor };
}
