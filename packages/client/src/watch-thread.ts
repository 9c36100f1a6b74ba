import type { NewestRun, Page, Run } from "@hsafa/protocol";
import { abortReason } from "./abort.ts";
import { backoffMs } from "./backoff.ts";
import type { Connection } from "./connection.ts";
import { delay } from "./delay.ts";
import { HsafaError } from "./error.ts";
import { THREAD_POLL_INTERVAL_MS } from "./limits.ts";

/**
 * Yields which run of a thread is the newest, each time that there is another one, over as many connections as it
 * takes. Where no WebSocket opens, it asks every few seconds.
 */
export async function* watchThread(
  connection: Connection,
  threadId: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<NewestRun, void, undefined> {
  let last: string | null = null;
  for (let failures = 0; ; failures += 1) {
    let hasSocket = true;
    const messages = connection.link.read({ threadId }, signal);
    try {
      for (;;) {
        const { done, value } = await messages.next();
        if (done === true) {
          hasSocket = value;
          break;
        }
        failures = 0;
        if (value.type !== "thread.run" || value.runId === last) continue;
        last = value.runId;
        yield { runId: value.runId };
      }
      if (!hasSocket) {
        const query = { threadId, limit: 1 };
        const { data } = await connection.call<Page<Run>>("/api/runs", { query, signal });
        const runId = data[0]?.id ?? null;
        if (runId !== null && runId !== last) yield { runId: (last = runId) };
      }
    } catch (error) {
      if (!(error instanceof HsafaError) || !error.isRetryable) throw error;
    } finally {
      await messages.return(true);
    }
    if (signal?.aborted === true) throw abortReason(signal);
    await delay(hasSocket ? backoffMs(failures, Math.random()) : THREAD_POLL_INTERVAL_MS, signal);
  }
}
