import type { Page } from "@hsafa/protocol";
import { cursorId, pageCursor } from "../../ports/page-cursor.ts";
import type { PageParams } from "../../ports/tenant-store.ts";
import type { Payload, PayloadRow } from "./statements/read-payloads.ts";

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

/**
 * Reads one page of rows whose large columns are read apart. `read` returns rows without these, and `payloads` reads
 * them in the same order, for as many rows as fit into the page.
 */
export async function readBoundedPage<Row extends { readonly id: string }, Columns, Item>(
  { limit, cursor }: PageParams,
  read: (params: { readonly after: string | undefined; readonly take: number }) => Promise<readonly Row[]>,
  payloads: (ids: readonly string[]) => Promise<readonly PayloadRow<Columns>[]>,
  item: (row: Row, payload: Payload<Columns>) => Item,
): Promise<Page<Item>> {
  const after = cursor === undefined ? undefined : cursorId(cursor);
  if (after === null) return EMPTY_PAGE;
  const rows = await read({ after, take: limit + 1 });
  const listed = rows.slice(0, limit);
  if (listed.length === 0) return EMPTY_PAGE;
  const found = await payloads(listed.map(({ id }) => id));
  const shown = listed.slice(0, found.length);
  const last = shown.at(-1);
  const data = shown.flatMap((row, index) => {
    const payload = found[index];
    return payload === undefined || payload.id === null ? [] : [item(row, payload)];
  });
  return { data, nextCursor: rows.length > shown.length && last !== undefined ? pageCursor(last.id) : null };
}
