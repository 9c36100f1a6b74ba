import { type Page, PAGE_ITEMS_MAX, type Run, type RunEvent } from "@hsafa/protocol";
import type { Connection } from "./connection.ts";
import { delay } from "./delay.ts";
import { POLL_INTERVAL_MS } from "./limits.ts";
import type { TransportParams, TransportReport } from "./run-stream-transport.ts";

/**
 * Reads a run's events page by page, from the event after `after`, and asks again every second. Ends only when nothing
 * follows `after`: its consumer leaves at the terminal event. Throws if a request fails.
 */
export async function* readPages(
  connection: Connection,
  params: TransportParams,
  after: string | null,
): AsyncGenerator<TransportReport, void, undefined> {
  const { signal } = params;
  const path = `/api/runs/${encodeURIComponent(params.runId)}`;
  let position = after;
  for (;;) {
    const query = { after: position ?? undefined, limit: PAGE_ITEMS_MAX };
    const page: Page<RunEvent> = await connection.call(`${path}/events`, { query, signal });
    // No event follows the terminal one. Only the run itself says whether this position is the terminal event's.
    if (page.data.length === 0 && position === after) {
      const run: Run = await connection.call(path, { signal });
      if (run.position === position && run.completedAt !== null) return yield { kind: "nothing_follows" };
    }
    for (const event of page.data) {
      position = event.id;
      yield { kind: "received", event };
    }
    if (page.nextCursor === null) await delay(POLL_INTERVAL_MS, signal);
  }
}
