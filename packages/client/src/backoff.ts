const BASE_MS = 250;
const MAX_MS = 15_000;

/**
 * How long to wait before the next try after `failures` failures in a row: doubling up to 15 s, and half of it random
 * (`random` in [0, 1)), so that a thousand clients of a gateway that went down do not come back in step.
 */
export function backoffMs(failures: number, random: number): number {
  const ceiling = Math.min(MAX_MS, BASE_MS * 2 ** failures);
  return ceiling / 2 + (ceiling / 2) * random;
}

/** Resolves after `delayMs`; rejects with the signal's reason as soon as it aborts. */
export function delay(delayMs: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = (): void => {
      clearTimeout(timer);
      reject(abortReason(signal));
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", abort);
      resolve();
    }, delayMs);
    if (signal?.aborted === true) abort();
    else signal?.addEventListener("abort", abort, { once: true });
  });
}

/** What to throw for an aborted signal; React Native's signals know no reason. */
export function abortReason(signal: AbortSignal | undefined): Error {
  const reason: unknown = signal?.reason;
  if (reason instanceof Error) return reason;
  const error = new Error("The operation was aborted.");
  error.name = "AbortError";
  return error;
}
