import { backoffMs } from "./backoff.ts";
import { delay } from "./delay.ts";
import { HsafaError } from "./error.ts";
import { BACKOFF_MAX_MS } from "./limits.ts";

/**
 * Calls until there is an answer, `attemptsMax` times at most. Rejects with the last attempt's error, with one that
 * another attempt would not heal, or with the signal's reason.
 */
export async function repeatCall<Answer>(
  call: () => Promise<Answer>,
  { attemptsMax, signal }: { readonly attemptsMax: number; readonly signal: AbortSignal | undefined },
): Promise<Answer> {
  for (let failures = 0; ; failures += 1) {
    try {
      return await call();
    } catch (error) {
      const mayHeal = error instanceof HsafaError && error.isRetryable && failures + 1 < attemptsMax;
      const waitMs = mayHeal ? (error.retryAfterMs ?? 0) : Infinity;
      // Nobody waits until midnight for a quota.
      if (waitMs > BACKOFF_MAX_MS) throw error;
      await delay(backoffMs(failures, Math.random(), waitMs), signal);
    }
  }
}
