import type { Page, Run, RunEvent, ToolProgressEvent } from "@hsafa/protocol";
import { abortReason, delay } from "./backoff.ts";
import type { Connection } from "./connection.ts";
import { HsafaError } from "./error.ts";
import { beginRunStream, nextRunStreamState, type RunStreamInput } from "./run-stream-state.ts";
import { createSseParser } from "./sse-parser.ts";

/** What a stream of a run yields: its events, and what devices report of their work in between. */
export type RunStreamEvent = RunEvent | ToolProgressEvent;

/**
 * How events come: `sse` reads the event stream; `poll` asks for new events every second, where `fetch` gives a
 * response only when it is complete (React Native's own). Progress of tools is not seen by polling.
 */
export type RunStreamTransport = "sse" | "poll";

/** A stream that was cut off, and when it comes back. */
export interface RunStreamCut {
  /** What cut it, as far as it is known; null when it ended without a word. */
  readonly error: unknown;
  /** How often in a row, this time included. */
  readonly failures: number;
  /** When it will be tried again, in milliseconds from now. */
  readonly delayMs: number;
}

export interface RunStreamParams {
  readonly runId: string;
  /** Begin with the event after this position; without it, with the first. */
  readonly after?: string;
  /** Ends the iteration by throwing the signal's reason. It never cancels the run. */
  readonly signal?: AbortSignal;
  readonly transport: RunStreamTransport;
  /** Told each time the stream was cut and will come back by itself, so that a page can say so. */
  readonly onCut?: (cut: RunStreamCut) => void;
  /**
   * For tests: the silence after which a connection is given up, in milliseconds. The server says something every 15 s.
   */
  readonly stallMs?: number;
  /** For tests: a random number in [0, 1). */
  readonly random?: () => number;
}

/** Three heartbeats of the server. */
const STALL_MS = 45_000;
const POLL_MS = 1000;
const POLL_PAGE = 200;

/** What a transport tells: events and hints; its end is a cut unless it said that nothing follows. */
type Told =
  | { readonly kind: "heard"; readonly event: RunStreamEvent }
  | Extract<RunStreamInput, { kind: "retry" | "nothing_follows" }>;

/**
 * A run's events in order, each once, from a position to the terminal event, over as many connections as it takes.
 * Throws an `HsafaError` only when coming back would not help: the run is unknown, the token may not read it, the
 * position is no longer kept.
 */
export async function* streamRun(
  connection: Connection,
  params: RunStreamParams,
): AsyncGenerator<RunStreamEvent, void, undefined> {
  const random = params.random ?? Math.random;
  const { signal } = params;
  let state = beginRunStream(params.after ?? null);
  const tell = (input: RunStreamInput): void => {
    state = nextRunStreamState(state, input, random());
  };
  const isOver = (): boolean => state.kind === "ended";
  const isAborted = (): boolean => signal?.aborted === true;
  let cause: unknown = null;

  for (;;) {
    if (isAborted()) throw abortReason(signal);
    switch (state.kind) {
      case "reading": {
        let position = state.after;
        cause = null;
        const askedAt = Date.now();
        try {
          for await (const told of read(connection, params, position)) {
            if (told.kind !== "heard") {
              tell(told);
              continue;
            }
            const { event } = told;
            if (!("id" in event)) {
              yield event;
              continue;
            }
            // A server that repeats itself is heard once (R8).
            if (!isAfter(event.id, position)) continue;
            position = event.id;
            tell({ kind: "event", id: event.id, type: event.type });
            yield event;
            if (isOver()) return;
          }
          tell({ kind: "cut", lastedMs: Date.now() - askedAt });
        } catch (error) {
          if (isAborted()) throw abortReason(signal);
          cause = error;
          const isAnswer = error instanceof HsafaError && error.status !== 0;
          tell(isAnswer ? { kind: "refused", error } : { kind: "cut", lastedMs: Date.now() - askedAt });
        }
        break;
      }
      case "waiting":
        params.onCut?.({ error: cause, failures: state.failures, delayMs: state.delayMs });
        await delay(state.delayMs, signal);
        tell({ kind: "waited" });
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

function read(
  connection: Connection,
  params: RunStreamParams,
  after: string | null,
): AsyncGenerator<Told, void, undefined> {
  return params.transport === "poll" ? readPages(connection, params, after) : readSse(connection, params, after);
}

async function* readSse(
  connection: Connection,
  params: RunStreamParams,
  after: string | null,
): AsyncGenerator<Told, void, undefined> {
  const stallMs = params.stallMs ?? STALL_MS;
  const stall = new AbortController();
  const signal = either(params.signal, stall.signal);
  let timer = setTimeout(() => stall.abort(), stallMs);
  try {
    const headers: Record<string, string> = { accept: "text/event-stream" };
    if (after !== null) headers["last-event-id"] = after;
    const response = await connection.open(`/api/runs/${encodeURIComponent(params.runId)}/stream`, {
      headers,
      signal: signal.signal,
    });
    if (response.status === 204) {
      yield { kind: "nothing_follows" };
      return;
    }
    const { status, body } = response;
    if (!(response.headers.get("content-type") ?? "").startsWith("text/event-stream")) {
      await body?.cancel();
      const message = "The answer is no event stream; is there a hsafa gateway at this URL?";
      throw new HsafaError({ code: "unexpected_response", status, message });
    }
    if (body === null || body === undefined) {
      const message = "This `fetch` cannot stream: pass one that can, or choose the transport `poll`.";
      throw new HsafaError({ code: "unexpected_response", status, message });
    }
    const reader = body.getReader();
    try {
      const parser = createSseParser();
      for (;;) {
        const { value } = (await reader.read()) as { readonly value?: Uint8Array };
        clearTimeout(timer);
        if (value === undefined) return;
        for (const item of parser.feed(value)) {
          if (item.kind === "retry") yield item;
          else yield { kind: "heard", event: JSON.parse(item.message.data) as RunStreamEvent };
        }
        // From here on: what the reader of our events takes its time for is no silence of the server.
        timer = setTimeout(() => stall.abort(), stallMs);
      }
    } finally {
      await reader.cancel().catch(() => {});
    }
  } finally {
    clearTimeout(timer);
    signal.release();
  }
}

async function* readPages(
  connection: Connection,
  params: RunStreamParams,
  after: string | null,
): AsyncGenerator<Told, void, undefined> {
  let position = after;
  for (;;) {
    const page: Page<RunEvent> = await connection.call(`/api/runs/${encodeURIComponent(params.runId)}/events`, {
      query: { after: position ?? undefined, limit: POLL_PAGE },
      signal: params.signal,
    });
    // After a terminal event nothing comes; only the run itself can tell that this position is one.
    if (page.data.length === 0 && position === after) {
      const run: Run = await connection.call(`/api/runs/${encodeURIComponent(params.runId)}`, {
        signal: params.signal,
      });
      if (run.position === position && run.completedAt !== null) return yield { kind: "nothing_follows" };
    }
    for (const event of page.data) {
      position = event.id;
      yield { kind: "heard", event };
    }
    if (page.nextCursor === null) await delay(POLL_MS, params.signal);
  }
}

/** Positions are `<seq>-<sub>`; anything is after none. */
function isAfter(id: string, after: string | null): boolean {
  if (after === null) return true;
  const [seq = 0, sub = 0] = id.split("-").map(Number);
  const [afterSeq = 0, afterSub = 0] = after.split("-").map(Number);
  return seq > afterSeq || (seq === afterSeq && sub > afterSub);
}

/** A signal that aborts when either does. `AbortSignal.any` is missing from React Native. */
function either(one: AbortSignal | undefined, other: AbortSignal): { readonly signal: AbortSignal; release(): void } {
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
