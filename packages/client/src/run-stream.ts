/**
 * A run's events over as many connections as it takes. The state decides what is next (`run-stream-state.ts`); the
 * transports bring events (`read-watch.ts`, `read-sse.ts`).
 *
 * 1. Each event with a position is yielded at most once, and in order: one that does not stand after the last is
 *    dropped (R8).
 * 2. A connection begins after the last event that was taken, so no event is left out.
 * 3. An event is taken before it is yielded. A caller that leaves the loop at an event resumes after it.
 * 4. Only an answer of the server can be final. Anything else is a cut, and heals.
 * 5. Leaving the loop, or aborting, closes the connection. It never cancels the run.
 * 6. The store may have gone back in time. The server says so, and all events come again from the first one.
 */
import { comparePositions, parsePlace, START } from "@hsafa/protocol";
import { abortReason } from "./abort.ts";
import type { Connection } from "./connection.ts";
import { delay } from "./delay.ts";
import { HsafaError } from "./error.ts";
import { beginRunStream, nextRunStreamState, type RunStreamInput, type RunStreamState } from "./run-stream-state.ts";
import type { RunStreamEvent, RunStreamTransport, TransportParams, TransportReport } from "./run-stream-transport.ts";
import { type OpenSse, readSse } from "./read-sse.ts";
import { readWatch } from "./read-watch.ts";

const READERS = { watch: readWatch, sse: readSse } as const;

/** A stream that was cut off and will come back. */
export interface RunStreamCut {
  /** What cut it, as far as is known; `null` if the connection just ended. */
  readonly error: unknown;
  /** Cuts in a row, this one included. */
  readonly failures: number;
  /** When the stream is tried again, in milliseconds from now. */
  readonly delayMs: number;
}

/** Which run to follow, and how. */
export interface RunStreamParams extends TransportParams {
  /** Begins with the event after this position; with the first event if left out. */
  readonly after?: string;
  /** Ends the iteration by throwing the signal's reason. It never cancels the run. */
  readonly signal?: AbortSignal;
  readonly transport: RunStreamTransport;
  /** What brings the first events, instead of a connection by the transport. */
  readonly opened?: Pick<OpenSse, "reports">;
  /** Called each time the stream was cut and will come back by itself, so that a page can say so. */
  readonly onCut?: (cut: RunStreamCut) => void;
  /** For tests: a random number in [0, 1). */
  readonly random?: () => number;
}

/**
 * Yields a run's events in order, each once, from a position to the terminal event, over as many connections as it
 * takes. Throws the signal's reason when the signal aborts. Throws an `HsafaError` only if coming back would not help.
 * Then the run is unknown, the token may not read it, or the position is not one of this run.
 */
export async function* streamRun(
  connection: Connection,
  params: RunStreamParams,
): AsyncGenerator<RunStreamEvent, void, undefined> {
  const random = params.random ?? Math.random;
  const { signal } = params;
  let state = beginRunStream(params.after ?? null);
  const advance = (input: RunStreamInput): RunStreamState => {
    state = nextRunStreamState(state, input, random());
    return state;
  };
  const isAborted = (): boolean => signal?.aborted === true;
  let cause: unknown = null;
  let { opened } = params;

  for (;;) {
    switch (state.kind) {
      case "reading": {
        if (isAborted()) throw abortReason(signal);
        const askedAt = Date.now();
        try {
          cause = null;
          const reports = opened?.reports() ?? READERS[params.transport](connection, params, state.after); // 2.
          opened = undefined;
          yield* readOnce(reports, state.after, advance);
          advance({ kind: "cut", lastedMs: Date.now() - askedAt });
        } catch (error) {
          if (isAborted()) throw abortReason(signal);
          cause = error;
          // 4.
          const isAnswer = error instanceof HsafaError && error.status !== 0;
          advance(isAnswer ? { kind: "refused", error } : { kind: "cut", lastedMs: Date.now() - askedAt });
        }
        break;
      }
      case "waiting":
        params.onCut?.({ error: cause, failures: state.failures, delayMs: state.delayMs });
        await delay(state.delayMs, signal);
        advance({ kind: "waited" });
        break;
      case "ended":
        return;
      case "failed":
        throw state.error;
      default:
        state satisfies never;
    }
  }
}

/** Yields the events of one connection. Returns when the connection ends, and after the terminal event. */
async function* readOnce(
  reports: AsyncGenerator<TransportReport, void, undefined>,
  after: string | null,
  advance: (input: RunStreamInput) => RunStreamState,
): AsyncGenerator<RunStreamEvent, void, undefined> {
  let position = after;
  // 5. Leaving this loop ends the transport's generator, which closes the connection.
  for await (const report of reports) {
    if (report.kind !== "received") {
      advance(report);
      continue;
    }
    const { event } = report;
    if (event.type === "stream.rewound") {
      position = null; // 6.
      advance({ kind: "rewound" });
      yield event;
      continue;
    }
    if (!("id" in event)) {
      yield event;
      continue;
    }
    // 1.
    if (!isAfter(event.id, position)) continue;
    position = event.id;
    // 3.
    const { kind } = advance({ kind: "event", id: event.id, type: event.type });
    yield event;
    if (kind === "ended") return;
  }
}

/** Whether an event stands after a position. `null` is before all events; no event stands after what is no position. */
function isAfter(id: string, position: string | null): boolean {
  const mine = parsePlace(id)?.position;
  const last = position === null ? START : parsePlace(position)?.position;
  return mine !== undefined && last !== undefined && comparePositions(mine, last) > 0;
}
