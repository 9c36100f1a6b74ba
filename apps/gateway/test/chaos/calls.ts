import { setTimeout as sleep } from "node:timers/promises";
import { type Client, HsafaError } from "@hsafa/client";
import type { RunEvent } from "@hsafa/protocol";

/** A call through a link that hangs, or to a gateway that is frozen, is given up after this and made again. */
const CALL_TIMEOUT_MS = 8000;
const RETRY_PAUSE_MS = 150;

/** Which refusals, by their code, may be others in a moment. */
export type RetryRule = (code: string) => boolean;

/** Makes a call that may be repeated until it is answered: no fault that chaos makes is final. Throws what another try would not change. */
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

export interface SayParams {
  readonly runId: string;
  readonly text: string;
  readonly idempotencyKey: string;
  readonly signal: AbortSignal;
}

/** Says something to a run under a key, which the SDK does not do: however often it is sent, it is said once. Answers the status; throws as the SDK does. */
export async function say(
  { url, apiKey }: { readonly url: string; readonly apiKey: string },
  { runId, text, idempotencyKey, signal }: SayParams,
): Promise<number> {
  const headers = {
    authorization: `Bearer ${apiKey}`,
    "content-type": "application/json",
    "idempotency-key": idempotencyKey,
  };
  const body = JSON.stringify({ message: text });
  let response: Response;
  try {
    response = await fetch(`${url}/api/runs/${runId}/messages`, { method: "POST", headers, body, signal });
    if (response.ok) {
      await response.body?.cancel();
      return response.status;
    }
  } catch (error) {
    if (signal.aborted) throw error;
    throw new HsafaError({ code: "network_error", message: String(error), cause: error });
  }
  const problem = (await response.json().catch(() => ({}))) as { readonly code?: string; readonly detail?: string };
  const { code = "unexpected_response", detail = "no problem document" } = problem;
  throw new HsafaError({ code, message: detail, status: response.status });
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
