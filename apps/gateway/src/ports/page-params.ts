/**
 * A page ends at `limit` items, or with the item by which it has `PAGE_BYTES_MAX` bytes. The store reads no more than
 * these bytes either.
 */
export interface PageParams {
  readonly limit: number;
  /**
   * The `nextCursor` of the page before; undefined: the first page. A cursor that no page gave returns an empty page.
   */
  readonly cursor: string | undefined;
}
