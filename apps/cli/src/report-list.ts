import { type Page, type PageQuery, PAGE_ITEMS_MAX } from "@hsafa/protocol";
import { withProgress } from "./progress.ts";
import { own, type Shown } from "./shown.ts";
import { note, report } from "./terminal.ts";

/** A list that a command prints, and how. */
export interface ReportedList<T> {
  /** Reads a page of it. */
  readonly read: (query: PageQuery) => Promise<Page<T>>;
  /** How many of its items are looked at. */
  readonly limit: number;
  readonly asJson: true | undefined;
  /** An item as a person reads it; `null` leaves it out. */
  readonly shownOf: (item: T) => Shown | null;
}

/**
 * Prints a list as it comes, page by page: an item a line. Where that takes long, it says how many there are so far. A
 * person is told if there are more than the limit.
 */
export async function reportList<T>({ read, limit, asJson, shownOf }: ReportedList<T>): Promise<void> {
  let cursor: string | undefined;
  let count = 0;
  await withProgress(asJson, async (progress) => {
    do {
      progress.tell(count === 0 ? own`reading` : own`reading; ${count} so far`);
      const page: Page<T> = await read({ limit: Math.min(limit - count, PAGE_ITEMS_MAX), cursor });
      for (const item of page.data) {
        const shown = shownOf(item);
        if (shown !== null) report(asJson, item, shown);
      }
      count += page.data.length;
      cursor = page.nextCursor ?? undefined;
    } while (cursor !== undefined && count < limit);
  });
  if (cursor !== undefined && asJson !== true) note(own`There are more; add --limit <count>.`);
}
