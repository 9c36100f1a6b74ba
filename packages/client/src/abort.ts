/** Returns what to throw for an aborted signal. The signals of React Native have no reason. */
export function abortReason(signal: AbortSignal | undefined): Error {
  const reason: unknown = signal?.reason;
  if (reason instanceof Error) return reason;
  const error = new Error("The operation was aborted.");
  error.name = "AbortError";
  return error;
}

/**
 * Returns a signal that aborts when either of two does, and a function that lets go of both. React Native has no
 * `AbortSignal.any`.
 */
export function eitherSignal(
  one: AbortSignal | undefined,
  other: AbortSignal,
): { readonly signal: AbortSignal; release(): void } {
  const controller = new AbortController();
  const abort = (): void => controller.abort();
  if (one?.aborted === true || other.aborted) abort();
  one?.addEventListener("abort", abort);
  other.addEventListener("abort", abort);
  return {
    signal: controller.signal,
    release() {
      one?.removeEventListener("abort", abort);
      other.removeEventListener("abort", abort);
    },
  };
}
