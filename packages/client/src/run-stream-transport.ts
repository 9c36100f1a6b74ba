import type { RunEvent, StreamRewoundEvent, ToolProgressEvent } from "@hsafa/protocol";
import type { RunStreamInput } from "./run-stream-state.ts";

/**
 * What a stream of a run yields: the run's events, and progress that devices report in between. After `stream.rewound`
 * the run's events come from the first one: forget what was shown of it.
 */
export type RunStreamEvent = RunEvent | ToolProgressEvent | StreamRewoundEvent;

/**
 * How events come. `watch` reads all streams of a client on one WebSocket, and by `sse` where none opens. `sse` reads
 * an event stream for each.
 */
export type RunStreamTransport = "watch" | "sse";

/** Which run one connection reads. */
export interface TransportParams {
  readonly runId: string;
  /** Ends the connection. */
  readonly signal?: AbortSignal;
  /** For tests: the silence after which a connection is given up, in milliseconds. */
  readonly silenceMs?: number;
}

/** What a transport reports. Its end is a cut, unless it reported that nothing follows. */
export type TransportReport =
  | { readonly kind: "received"; readonly event: RunStreamEvent }
  | Extract<RunStreamInput, { kind: "retry" | "nothing_follows" }>;
