import type { RunEvent, ToolProgressEvent } from "@hsafa/protocol";
import type { RunStreamInput } from "./run-stream-state.ts";

/** What a stream of a run yields: the run's events, and progress that devices report in between. */
export type RunStreamEvent = RunEvent | ToolProgressEvent;

/**
 * How events come. `sse` reads the event stream. `poll` asks for new events every second, for a `fetch` that returns a
 * response only when it is complete (React Native's own). Polling does not see progress of tools.
 */
export type RunStreamTransport = "sse" | "poll";

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
