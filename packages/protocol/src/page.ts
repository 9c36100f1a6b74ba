/** Which page of a list. */
export interface PageQuery {
  /** The most items on the page, from 1 to 200; 50 if left out. */
  readonly limit?: number;
  /** The `nextCursor` of the page before; left out for the first page. */
  readonly cursor?: string;
}

/** One page of a list. */
export interface Page<T> {
  /** The items in the order of the list. */
  readonly data: T[];
  /** The `cursor` of the next page; `null` on the last one. */
  readonly nextCursor: string | null;
}
