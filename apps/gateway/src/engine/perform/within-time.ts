import type { Clock } from "../../ports/clock.ts";
import type { PerformEffect } from "../effects-in-flight.ts";

/**
 * Performs an effect that may take `limitMs` at most. After that its outcome is `late`, and it is aborted. Nobody waits
 * for it then, since foreign code may not hear the signal.
 */
export function withinTime(params: {
  readonly clock: Clock;
  readonly limitMs: number;
  readonly perform: PerformEffect;
  readonly late: () => Awaited<ReturnType<PerformEffect>>;
}): PerformEffect {
  const { clock, limitMs, perform, late } = params;
  return async (signal) => {
    const own = new AbortController();
    const abort = (): void => own.abort();
    if (signal.aborted) abort();
    else signal.addEventListener("abort", abort, { once: true });
    const end = Promise.withResolvers<Awaited<ReturnType<PerformEffect>>>();
    const cancel = clock.after(limitMs, () => {
      end.resolve(late());
      abort();
    });
    try {
      return await Promise.race([perform(own.signal), end.promise]);
    } finally {
      cancel();
      signal.removeEventListener("abort", abort);
    }
  };
}
