import type { Position } from "@hsafa/protocol";
import type { EventRecord } from "../core/event-record.ts";
import type { Semaphore } from "../runtime/semaphore.ts";
import type { WatchedRun } from "./watched-run.ts";

/**
 * Reads the pages that follow a position, while they are not in memory. While a reader has one in hand, the next one is
 * read. It ends when nothing follows, or when the next page is not to be read ahead: the reader begins anew there.
 * Rejects if the first page cannot be read.
 *
 * 1. A page has a place from before it is read until it is let go. So a gateway has `FOLLOW_PAGES_MAX` of them (R9).
 * 2. One page is read ahead at most, and only if a place is free at once: nobody waits for it who has no page.
 * 3. A page ahead that cannot be read ends the reading. Who needs it asks again, and learns why.
 */
export async function* readPagesAhead(params: {
  readonly run: Pick<WatchedRun, "after" | "readNext">;
  readonly after: Position;
  readonly pages: Semaphore;
  /** Asked when a place has come, which may take long. */
  readonly isWanted: () => boolean;
}): AsyncGenerator<readonly EventRecord[]> {
  const { run, after, pages, isWanted } = params;
  const places = [await pages.acquire()];
  let next = isWanted() ? run.readNext(after) : Promise.resolve([]);
  try {
    for (;;) {
      const page = await next;
      const last = page.at(-1);
      if (last === undefined) return;
      const place = run.after(last).kind === "evicted" ? pages.acquireFree() : null;
      if (place === null) {
        yield page;
        return;
      }
      places.push(place);
      next = run.readNext(last).catch(() => []); // 3.
      yield page;
      places.shift()?.();
    }
  } finally {
    await next.catch(() => []); // 1.
    for (const release of places) release();
  }
}
