import { backoffMs } from "./backoff.ts";
import { delay } from "./delay.ts";
import { HsafaError } from "./error.ts";

/**
 * Calls until there is an answer: what may heal is waited for, as long as it takes. Rejects with an error that waiting
 * would not heal, or with the signal's reason.
 */
export async function untilAnswered<Answer>(
  call: () => Promise<Answer>,
  signal: AbortSignal | undefined,
): Promise<Answer> {
  for (let failures = 0; ; failures += 1) {
    try {
      return await call();
    } catch (error) {
      if (!(error instanceof HsafaError) || !error.isRetryable) throw error;
      await delay(backoffMs(failures, Math.random(), error.retryAfterMs ?? 0), signal);
    }
  }
}
