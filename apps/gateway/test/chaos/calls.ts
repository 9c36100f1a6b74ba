import { setTimeout as sleep } from "node:timers/promises";
import { type Client, HsafaError } from "@hsafa/client";
import type { RunEvent } from "@hsafa/protocol";

/** A call through a link that hangs, or to a gateway that is frozen, is given up after this and made again. */
const CALL_TIMEOUT_MS = 8000;
const RETRY_PAUSE_MS = 150;

/** Which refusals, by their code, may be others in a moment. */
export type RetryRule = (code: string) => boolean;

/**
 * Makes a call that may be repeated until it is answered: no fault that chaos makes is final. Throws what another try
 * would not change.
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

/** The canonical log of a run, whole. */
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
