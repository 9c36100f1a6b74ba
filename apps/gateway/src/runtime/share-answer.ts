import type { Clock } from "../ports/clock.ts";

/**
 * Returns a function that asks at most once at a time, and whose answer serves all who ask within `keptMs`. So anybody
 * may ask, as often as they like. A failure serves only those who wait for it.
 */
export function shareAnswer<Answer>(
  ask: () => Promise<Answer>,
  { keptMs, clock }: { readonly keptMs: number; readonly clock: Pick<Clock, "monotonic"> },
): () => Promise<Answer> {
  let asking: Promise<Answer> | null = null;
  let kept: { readonly answer: Answer; readonly until: number } | null = null;

  async function askOnce(): Promise<Answer> {
    try {
      const answer = await ask();
      kept = { answer, until: clock.monotonic() + keptMs };
      return answer;
    } finally {
      asking = null;
    }
  }

  return async () => {
    if (asking !== null) return asking;
    if (kept !== null && clock.monotonic() < kept.until) return kept.answer;
    asking = askOnce();
    return asking;
  };
}
