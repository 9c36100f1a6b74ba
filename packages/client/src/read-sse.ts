import type { Connection } from "./connection.ts";
import { HsafaError } from "./error.ts";
import { STREAM_SILENCE_MS } from "./limits.ts";
import type { RunStreamEvent, TransportParams, TransportReport } from "./run-stream-transport.ts";
import { createSseParser } from "./sse-parser.ts";

/**
 * Reads a run's event stream on one connection, from the event after `after`. Returns when the server ends the stream.
 * Throws if the connection breaks or goes silent, if the server refuses, and if the response is no event stream.
 */
export async function* readSse(
  connection: Connection,
  params: TransportParams,
  after: string | null,
): AsyncGenerator<TransportReport, void, undefined> {
  const silence = watchForSilence(params.silenceMs ?? STREAM_SILENCE_MS);
  const { signal } = params;
  if (signal?.aborted === true) silence.end();
  signal?.addEventListener("abort", silence.end);
  try {
    const headers: Record<string, string> = { accept: "text/event-stream" };
    if (after !== null) headers["last-event-id"] = after;
    const path = `/api/runs/${encodeURIComponent(params.runId)}/stream`;
    const response = await connection.open(path, { headers, signal: silence.signal });
    if (response.status === 204) {
      yield { kind: "nothing_follows" };
      return;
    }
    yield* readBody(await streamOf(response), silence);
  } finally {
    silence.stop();
    signal?.removeEventListener("abort", silence.end);
  }
}

/** Returns the body of an event stream. Throws an `HsafaError` if the response is none. */
async function streamOf({ status, headers, body }: Response): Promise<ReadableStream<Uint8Array>> {
  if (!(headers.get("content-type") ?? "").startsWith("text/event-stream")) {
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
