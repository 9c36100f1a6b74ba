import type { ServerResponse } from "node:http";
import type { EncodedBatch } from "../../follow/event-batch.ts";
import type { Sink, WatcherEnd, WatcherHandle } from "../../follow/sink.ts";
import {
  SOCKET_CLOSE_TIMEOUT_MS,
  STREAM_HEARTBEAT_MS,
  STREAM_RETRY_GOING_AWAY_MS,
  STREAM_RETRY_MS,
} from "../limits.ts";
import { WATCHER_STALL_MS, WATCHER_WRITE_BYTES_MAX } from "../../follow/limits.ts";
import type { Clock } from "../../ports/clock.ts";
import { sseFormat } from "./formats/sse.ts";

/** What every event stream says about itself. */
const STREAM_HEADERS = {
  "content-type": "text/event-stream",
  "cache-control": "no-cache, no-transform",
  "x-accel-buffering": "no",
} as const;

/**
 * Answers with a stream of server-sent events, written to the raw response. First bytes go out at once, so that client
 * and proxies know that it is open. It ends with the run, when the credential wears out, when the client stops reading,
 * or when the gateway goes away.
 */
export function openEventStream(params: {
  readonly response: ServerResponse;
  /** Beside the stream's own: those for CORS. */
  readonly headers: Readonly<Record<string, string | number | string[] | undefined>>;
  readonly clock: Clock;
  /** When the credential wears out, in milliseconds since the epoch. */
  readonly expiresAt: number | undefined;
  readonly watch: (sink: Sink) => WatcherHandle;
}): void {
  const { response, clock } = params;
  const { socket } = response;
  let phase: "open" | "ending" | "closed" = "open";
  let isFull = false;
  /** A part of an event has gone: nothing but its rest may follow. */
  let isMidEvent = false;
  let watcher: WatcherHandle | null = null;
  let forgetHeartbeat = (): void => {};
  let forgetExpiry = (): void => {};
  let forgetDeadline = (): void => {};
  let bytesGone = 0;
  let stuckMs = 0;

  const isClosed = (): boolean => phase === "closed";

  /** Writes in slices, until the socket is full. */
  function write(batch: EncodedBatch, from: number): number {
    let at = from;
    while (at < batch.byteLength && !isFull) {
      const part = batch.bytes.subarray(at, at + WATCHER_WRITE_BYTES_MAX);
      // A view would keep the whole of a large event for as long as a stalled socket keeps this part.
      const slice = part.length === batch.byteLength ? part : Buffer.from(part);
      isFull = !response.write(slice);
      at += slice.length;
    }
    isMidEvent = !batch.endsEvent(at);
    return at - from;
  }

  function onDrain(): void {
    isFull = false;
    watcher?.drained();
  }

  /**
   * Also finds a socket that is not full but takes nothing, of which no full buffer will ever tell. Within an event it
   * says nothing: the rest is read again from the store, which may take long, and a comment in between would end the
   * event there, as JSON that no client can read, under a position that it would take for seen.
   */
  function heartbeat(): void {
    forgetHeartbeat = clock.after(STREAM_HEARTBEAT_MS, heartbeat);
    if (response.writableLength === 0) {
      stuckMs = 0;
      if (!isMidEvent) response.write(": still here\n\n");
      return;
    }
    const gone = (socket?.bytesWritten ?? 0) - (socket?.writableLength ?? 0);
    stuckMs = gone === bytesGone ? stuckMs + STREAM_HEARTBEAT_MS : 0;
    bytesGone = gone;
    if (stuckMs >= WATCHER_STALL_MS) response.destroy();
  }

  /** Ends once everything written is on its way, or cuts after a time. */
  function end(lastWords: string, waitMs: number): void {
    if (phase !== "open") return;
    phase = "ending";
    forgetHeartbeat();
    forgetExpiry();
    // The end of the stream within an event tells the client to forget that event.
    if (isMidEvent) return void response.destroy();
    forgetDeadline = clock.after(waitMs, () => response.destroy());
    response.end(lastWords);
  }

  function close(why: WatcherEnd): void {
    switch (why) {
      case "ended":
        return end("", WATCHER_STALL_MS);
      case "stalled":
        return void response.destroy();
      case "failed":
        return end(": something went wrong here, come back\n\n", WATCHER_STALL_MS);
      case "going_away":
        // A client that came back on this connection would be refused by a closing server, and an EventSource takes
        // that for final.
        response.on("finish", () => socket?.destroySoon());
        return end(
          `retry: ${STREAM_RETRY_GOING_AWAY_MS}\n: this gateway goes away, come back\n\n`,
          SOCKET_CLOSE_TIMEOUT_MS,
        );
      default:
        why satisfies never;
    }
  }

  response.on("drain", onDrain);
  // A failed write closes the response, and `close` follows.
  response.on("error", () => {});
  response.on("close", () => {
    phase = "closed";
    forgetHeartbeat();
    forgetExpiry();
    forgetDeadline();
    watcher?.close();
  });

  socket?.setNoDelay(true);
  // A run may be silent for as long as a person takes to approve a call.
  socket?.setTimeout(0);
  for (const [name, value] of Object.entries(params.headers)) {
    if (value !== undefined) response.setHeader(name, value);
  }
  response.writeHead(200, STREAM_HEADERS);
  response.write(`retry: ${STREAM_RETRY_MS}\n: open\n\n`);
  forgetHeartbeat = clock.after(STREAM_HEARTBEAT_MS, heartbeat);
  if (params.expiresAt !== undefined) {
    forgetExpiry = clock.after(Math.max(0, params.expiresAt - clock.now()), () => {
      watcher?.close();
      end(": the token has expired, come back with a new one\n\n", SOCKET_CLOSE_TIMEOUT_MS);
    });
  }
  const handle = params.watch({ format: sseFormat, isReady: () => !isFull, write, close });
  if (isClosed()) handle.close();
  else watcher = handle;
}

/**
 * Answers with a stream that ends at once and asks its reader to come back: an EventSource takes any status but 200 for
 * final, so a store that is away for a second must not be told it as an error.
 */
export function sendRetryLater(
  response: ServerResponse,
  headers: Readonly<Record<string, string | number | string[] | undefined>>,
): void {
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) response.setHeader(name, value);
  }
  response.writeHead(200, STREAM_HEADERS);
  response.end(`retry: ${STREAM_RETRY_MS}\n: not available just now, come back\n\n`);
}
