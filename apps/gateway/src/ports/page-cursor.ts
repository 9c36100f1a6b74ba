import { isId } from "@hsafa/protocol";

/**
 * The cursor of a page whose last row has this id. Ids are ordered by time, so they are keys of every list. Clients see
 * an opaque text.
 */
export function pageCursor(lastId: string): string {
  return Buffer.from(lastId).toString("base64url");
}

/** The id that a cursor holds; null for a cursor that no page of ours gave. */
export function cursorId(cursor: string): string | null {
  const text = Buffer.from(cursor, "base64url").toString("utf8");
  return isId(text) ? text : null;
}
