import { setTimeout as sleep } from "node:timers/promises";
import { type Client, HsafaError } from "@hsafa/client";
import type { RunEvent } from "@hsafa/protocol";

/** How long one attempt may take, in milliseconds. A link may hang, and a gateway may be frozen. */
const CALL_TIMEOUT_MS = 8000;
const RETRY_PAUSE_MS = 150;

/** Returns whether a refusal with this code may pass in a moment. */
export type RetryRule = (code: string) => boolean;

/**
 * Repeats a call until it gets a response, because no fault of chaos lasts. The call must be safe to repeat. Throws a
 * refusal that another attempt would not change.
 */
export async function untilAnswered<T>(
  call: (signal: AbortSignal) => Promise<T>,
  { alsoRetry }: { readonly alsoRetry: RetryRule } = { alsoRetry: () => false },
): Promise<T> {
  for (;;) {
    try {
      return await call(AbortSignal.timeout(CALL_TIMEOUT_MS));
    } catch (error) {
      const isTimeout = error instanceof Error && error.name === "TimeoutError";
      const mayHeal = isTimeout || (error instanceof HsafaError && (error.isRetryable || alsoRetry(error.code)));
      if (!mayHeal) throw error;
      await sleep(RETRY_PAUSE_MS);
    }
  }
}

/** Reads the whole log of a run from the store. */
export async function readLog(client: Client, runId: string): Promise<RunEvent[]> {
  const events: RunEvent[] = [];
  let cursor: string | undefined;
  do {
    const query = cursor === undefined ? { limit: 200 } : { limit: 200, cursor };
    const page = await untilAnswered((signal) => client.runs.events(runId, query, { signal }));
    events.push(...page.data);
    cursor = page.nextCursor ?? undefined;
  } while (cursor !== undefined);
  return events;
}
