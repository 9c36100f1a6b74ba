import { abortReason } from "./abort.ts";
import type { Connection, RequestParams } from "./connection.ts";
import { HsafaError } from "./error.ts";
import { STREAM_SILENCE_MS } from "./limits.ts";
import type { RunStreamEvent, TransportParams, TransportReport } from "./run-stream-transport.ts";
import { createSseParser } from "./sse-parser.ts";

/** A request for events that was answered. */
export interface OpenSse {
  readonly response: Response;
  /**
   * Reads the response to its end, once. Throws if the connection breaks or goes silent, and if the response is no
   * event stream.
   */
  reports(): AsyncGenerator<TransportReport, void, undefined>;
  /** Ends the connection. */
  close(): void;
}

/** How long a connection lives. */
type SseLife = Pick<TransportParams, "signal" | "silenceMs">;

/**
 * Sends a request that accepts events. Who gets the answer reads it or closes it. Rejects with an
 * `HsafaError`, also if there is no answer in time, or with the signal's reason.
 */
export async function openSse(
  connection: Connection,
  { path, headers, ...request }: Omit<RequestParams, "signal"> & { readonly path: string },
  { signal, silenceMs = STREAM_SILENCE_MS }: SseLife,
): Promise<OpenSse> {
  const silence = watchForSilence(silenceMs);
  if (signal?.aborted === true) silence.end();
  signal?.addEventListener("abort", silence.end);
  const stop = (): void => {
    silence.stop();
    signal?.removeEventListener("abort", silence.end);
  };
  const accepting = { accept: "text/event-stream", ...headers };
  const response = await connection
    .open(path, { ...request, headers: accepting, signal: silence.signal })
    .catch((error: unknown) => {
      stop();
      if (signal?.aborted === true) throw abortReason(signal);
      if (!silence.signal.aborted) throw error;
      throw new HsafaError({ code: "network_error", message: "There was no response in time.", cause: error });
    });
  return {
    response,
    async *reports() {
      try {
        if (response.status === 204) yield { kind: "nothing_follows" };
        else yield* readBody(await streamOf(response), silence);
      } finally {
        stop();
      }
    },
    close() {
      stop();
      silence.end();
    },
  };
}

/** Reads a run's event stream on one connection, from the event after `after`. Rejects as `openSse` and it do. */
export async function* readSse(
  connection: Connection,
  params: TransportParams,
  after: string | null,
): AsyncGenerator<TransportReport, void, undefined> {
  const path = `/api/runs/${encodeURIComponent(params.runId)}/stream`;
  const headers: Record<string, string> = after === null ? {} : { "last-event-id": after };
  const opened = await openSse(connection, { path, headers }, params);
  yield* opened.reports();
}

/** Whether a response is a stream of events. */
export function isEventStream({ headers }: Response): boolean {
  return (headers.get("content-type") ?? "").startsWith("text/event-stream");
}

/** Returns the body of an event stream. Throws an `HsafaError` if the response is none. */
async function streamOf(response: Response): Promise<ReadableStream<Uint8Array>> {
  const { status, body } = response;
  if (!isEventStream(response)) {
    await body?.cancel();
    const message = "The response is no event stream; is it a hsafa gateway?";
    throw new HsafaError({ code: "unexpected_response", status, message });
  }
  // React Native's own `fetch` leaves the body out.
  if (body === null || body === undefined) {
    const message = "This `fetch` cannot stream: pass one that can.";
    throw new HsafaError({ code: "unexpected_response", status, message });
  }
  return body;
}

async function* readBody(
  body: ReadableStream<Uint8Array>,
  silence: SilenceWatch,
): AsyncGenerator<TransportReport, void, undefined> {
  const reader = body.getReader();
  try {
    const parser = createSseParser();
    for (;;) {
      const { value } = (await reader.read()) as { readonly value?: Uint8Array };
      silence.stop();
      if (value === undefined) return;
      for (const item of parser.feed(value)) {
        if (item.kind === "retry") yield item;
        else yield { kind: "received", event: JSON.parse(item.message.data) as RunStreamEvent };
      }
      // Only from here on: the time that the consumer of our events takes is no silence of the server.
      silence.start();
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}

/**
 * Aborts its signal when nothing was received for too long, or when it is told to. React Native has no
 * `AbortSignal.any`, which would join two signals.
 */
interface SilenceWatch {
  readonly signal: AbortSignal;
  readonly start: () => void;
  readonly stop: () => void;
  readonly end: () => void;
}

/** Starts to watch at once. */
function watchForSilence(silenceMs: number): SilenceWatch {
  const controller = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const end = (): void => controller.abort();
  const stop = (): void => clearTimeout(timer);
  const start = (): void => {
    stop();
    timer = setTimeout(end, silenceMs);
  };
  start();
  return { signal: controller.signal, start, stop, end };
}
