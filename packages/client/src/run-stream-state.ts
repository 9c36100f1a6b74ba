import { isTerminalType } from "@hsafa/protocol";
import { backoffMs } from "./backoff.ts";
import type { HsafaError } from "./error.ts";
import { STREAM_GOOD_AFTER_MS } from "./limits.ts";

/**
 * Whether a run's stream reads, waits or stops, as data. `run-stream.ts` obeys. Pure: randomness is an argument.
 *
 * A connection is good once it has brought an event, or has lasted for a while. A proxy that ends quiet streams once a
 * minute is no failing gateway. A connection that opens and dies counts as a failure. Otherwise a gateway that accepts
 * and drops would be asked again without a pause.
 */
export type RunStreamState =
  /**
   * Connect after the position `after` (`null`: from the first event), and read. `failures`: cuts in a row since the
   * last event. `retryMs`: how long the server wants watchers to wait at least; 0 until it said so.
   */
  | {
      readonly kind: "reading";
      readonly after: string | null;
      readonly failures: number;
      readonly retryMs: number;
    }
  /** Wait for `delayMs`, then read. */
  | {
      readonly kind: "waiting";
      readonly after: string | null;
      readonly failures: number;
      readonly retryMs: number;
      readonly delayMs: number;
    }
  /** The terminal event was seen, or the server said that nothing follows. */
  | { readonly kind: "ended" }
  /** Waiting would not help. */
  | { readonly kind: "failed"; readonly error: HsafaError };

/** Something that happened to a run's stream. */
export type RunStreamInput =
  /** An event with a position was taken. */
  | { readonly kind: "event"; readonly id: string; readonly type: string }
  /** The position is of a history that the store has lost: the events come from the first one. */
  | { readonly kind: "rewound" }
  /** The server said how long to wait before coming back. */
  | { readonly kind: "retry"; readonly delayMs: number }
  /** The connection ended, broke or went silent, `lastedMs` milliseconds after it was asked for. */
  | { readonly kind: "cut"; readonly lastedMs: number }
  /** The server answered with an error. */
  | { readonly kind: "refused"; readonly error: HsafaError }
  /** The position is that of the terminal event. */
  | { readonly kind: "nothing_follows" }
  /** The wait is over. */
  | { readonly kind: "waited" };

/** Returns the first state. `after`: the position after which to begin; `null`: from the first event. */
export function beginRunStream(after: string | null): RunStreamState {
  return { kind: "reading", after, failures: 0, retryMs: 0 };
}

/** Returns the state that follows. `random` is in [0, 1). */
export function nextRunStreamState(state: RunStreamState, input: RunStreamInput, random: number): RunStreamState {
  if (state.kind === "ended" || state.kind === "failed") return state;
  const { after, failures, retryMs } = state;
  const reading = (next: string | null): RunStreamState => ({ kind: "reading", after: next, failures: 0, retryMs });
  const waiting = (before: number, atLeastMs: number): RunStreamState => {
    const delayMs = backoffMs(before, random, atLeastMs);
    return { kind: "waiting", after, failures: before + 1, retryMs, delayMs };
  };
  switch (input.kind) {
    case "event":
      return isTerminalType(input.type) ? { kind: "ended" } : reading(input.id);
    case "rewound":
      return reading(null);
    case "retry":
      return { ...state, retryMs: input.delayMs };
    case "cut":
      // The server knows best how soon to come back. The jitter on top keeps its watchers from coming back in step.
      return waiting(input.lastedMs >= STREAM_GOOD_AFTER_MS ? 0 : failures, retryMs * (1 + random / 2));
    case "refused":
      if (!input.error.isRetryable) return { kind: "failed", error: input.error };
      return waiting(failures, input.error.retryAfterMs ?? 0);
    case "nothing_follows":
      return { kind: "ended" };
    case "waited":
      return { ...state, kind: "reading" };
    default:
      return input satisfies never;
  }
}
