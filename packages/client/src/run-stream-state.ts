import type { TERMINAL_FACT_TYPES } from "@hsafa/protocol";
import { backoffMs } from "./backoff.ts";
import type { HsafaError } from "./error.ts";

/**
 * Whether to read, wait or stop, as data. `run-stream.ts` obeys. Pure: randomness is an argument.
 *
 * An event proves that a connection is good, and so does having lasted: a proxy that ends quiet streams once a minute
 * is no failing gateway. One that opens and dies counts as a failure, or else a gateway that accepts and drops would be
 * asked again without a pause.
 */
export type RunStreamState =
  /** Connect after this position, and read. `failures`: cuts in a row since the last event. */
  | {
      readonly kind: "reading";
      readonly after: string | null;
      readonly failures: number;
      readonly retryMs: number | null;
    }
  | {
      readonly kind: "waiting";
      readonly after: string | null;
      readonly failures: number;
      readonly retryMs: number | null;
      readonly delayMs: number;
    }
  /** The terminal event was seen, or the server said that nothing follows. */
  | { readonly kind: "ended" }
  /** Waiting would not help. */
  | { readonly kind: "failed"; readonly error: HsafaError };

export type RunStreamInput =
  /** An event with a position was taken. */
  | { readonly kind: "event"; readonly id: string; readonly type: string }
  /** The server's word on how long to wait before coming back. */
  | { readonly kind: "retry"; readonly delayMs: number }
  /** The connection ended, broke or went silent, so long after it was asked for. */
  | { readonly kind: "cut"; readonly lastedMs: number }
  | { readonly kind: "refused"; readonly error: HsafaError }
  /** 204: the position is that of the terminal event. */
  | { readonly kind: "nothing_follows" }
  | { readonly kind: "waited" };

/**
 * To come back once in so many ms is no burden for a gateway, and a watcher of a quiet run that is cut now and then is
 * not kept away for long.
 */
const GOOD_AFTER_MS = 5000;

const TERMINAL: readonly string[] = ["run.completed", "run.failed", "run.canceled"] satisfies [
  ...typeof TERMINAL_FACT_TYPES,
];

/** `after`: the position after which to begin; null: from the first event. */
export function beginRunStream(after: string | null): RunStreamState {
  return { kind: "reading", after, failures: 0, retryMs: null };
}

export function nextRunStreamState(state: RunStreamState, input: RunStreamInput, random: number): RunStreamState {
  if (state.kind === "ended" || state.kind === "failed") return state;
  const { after, failures, retryMs } = state;
  switch (input.kind) {
    case "event":
      if (TERMINAL.includes(input.type)) return { kind: "ended" };
      return { kind: "reading", after: input.id, failures: 0, retryMs };
    case "retry":
      return { ...state, retryMs: input.delayMs };
    case "cut": {
      const before = input.lastedMs >= GOOD_AFTER_MS ? 0 : failures;
      // The server knows best how soon to come back; the jitter on top keeps its watchers from coming back in step.
      const delayMs = Math.max((retryMs ?? 0) * (1 + random / 2), backoffMs(before, random));
      return { kind: "waiting", after, failures: before + 1, retryMs, delayMs };
    }
    case "refused": {
      if (!input.error.isRetryable) return { kind: "failed", error: input.error };
      const delayMs = Math.max(input.error.retryAfterMs ?? 0, backoffMs(failures, random));
      return { kind: "waiting", after, failures: failures + 1, retryMs, delayMs };
    }
    case "nothing_follows":
      return { kind: "ended" };
    case "waited":
      return { kind: "reading", after, failures, retryMs };
    default:
      return input satisfies never;
  }
}
