import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { type CredentialLife, watchCredential } from "../../access/credential-life.ts";
import type { EncodedBatch } from "../../follow/event-batch.ts";
import { WATCHER_STALL_MS, WATCHER_WRITE_BYTES_MAX } from "../../follow/limits.ts";
import type { Sink, WatcherEnd, WatcherHandle } from "../../follow/sink.ts";
import type { Clock } from "../../ports/clock.ts";
import {
  SOCKET_CLOSE_TIMEOUT_MS,
  STREAM_HEARTBEAT_MS,
  STREAM_RETRY_GOING_AWAY_MS,
  STREAM_RETRY_MS,
} from "../limits.ts";
import { sseFormat } from "./formats/sse.ts";

/** What every event stream says about itself. */
const STREAM_HEADERS = {
  "content-type": "text/event-stream",
  "cache-control": "no-cache, no-transform",
  "x-accel-buffering": "no",
} as const;

export type ResponseHeaders = Readonly<Record<string, string | number | string[] | undefined>>;

export interface EventStreamParams {
  readonly response: ServerResponse;
  /** Beside the stream's own: those for CORS. */
  readonly headers: ResponseHeaders;
  readonly clock: Clock;
  readonly credential: CredentialLife;
  /** Begins to write to the stream. */
  readonly watch: (sink: Sink) => WatcherHandle;
}

/**
 * Sends a response that is a stream of server-sent events. It ends with the run, when the credential ends, when the
 * client stops reading, or when the gateway goes away. First bytes go out at once, so that client and proxies know that
 * it is open.
 */
export function openEventStream(params: EventStreamParams): void {
  sendHead(params.response, params.headers);
  new EventStream(params).open(params.watch);
}

/**
 * Sends a stream that ends at once and asks its reader to come back. An EventSource takes any status but 200 for final.
 * So a store that is away for a second, or a gateway without a place just now, must not be told as an error. `afterMs`:
 * when to come back, if that is known.
 */
export function sendRetryLater(response: ServerResponse, headers: ResponseHeaders, afterMs = STREAM_RETRY_MS): void {
  sendHead(response, headers);
  const retryMs = Math.max(STREAM_RETRY_MS, Math.ceil(afterMs));
  response.end(`retry: ${retryMs}\n: not available just now, come back\n\n`);
}

function sendHead(response: ServerResponse, headers: ResponseHeaders): void {
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) response.setHeader(name, value);
  }
  response.writeHead(200, STREAM_HEADERS);
}

type Phase =
  | { readonly kind: "open"; cancelHeartbeat: () => void; readonly endWatch: () => void }
  /** Its last words are written. */
  | { readonly kind: "ending"; readonly cancelDeadline: () => void }
  | { readonly kind: "closed" };

/**
 * One open response, as a watcher's sink.
 *
 * 1. No word falls within an event. The rest of an event that was begun may be read again from the store, which may
 *    take long. A comment in between would end the event there, as JSON that no client can read, under a position that
 *    the client takes for seen. So a heartbeat is left out, and an end has no last words. The end of the stream tells a
 *    client to forget what it has of an event.
 * 2. A write goes in slices of `WATCHER_WRITE_BYTES_MAX`, and stops when the socket says that it is full. So a stream
 *    holds its socket's own buffer and one slice (R9).
 * 3. A socket that takes nothing for `WATCHER_STALL_MS` is cut. The watcher sees to one that is full. The heartbeat
 *    sees to one that is not, of which no full buffer will ever tell.
 * 4. The last words follow everything that was written before. A socket that does not take them in time is cut.
 */
class EventStream implements Sink {
  readonly format = sseFormat;
  readonly #response: ServerResponse;
  /** The response forgets it when it is finished. */
  readonly #socket: Socket | null;
  readonly #clock: Clock;
  #phase: Phase;
  #watcher: WatcherHandle | null = null;
  #isFull = false;
  /** A part of an event has gone. 1. */
  #isMidEvent = false;
  /** What had left the socket at the last heartbeat, and for how long nothing has. */
  #bytesGone = 0;
  #stuckMs = 0;

  constructor({ response, clock, credential }: EventStreamParams) {
    this.#response = response;
    this.#socket = response.socket;
    this.#clock = clock;
    const endWatch = watchCredential(credential, clock, () => this.#expire());
    this.#phase = { kind: "open", cancelHeartbeat: this.#heartbeatLater(), endWatch };
  }

  /** Sends the first bytes and begins to watch; called once. */
  open(watch: (sink: Sink) => WatcherHandle): void {
    const response = this.#response;
    response.on("drain", () => {
      this.#isFull = false;
      this.#watcher?.drained();
    });
    // A failed write closes the response, and `close` follows.
    response.on("error", () => {});
    response.on("close", () => {
      this.#leave({ kind: "closed" });
      this.#watcher?.close();
    });
    this.#socket?.setNoDelay(true);
    // A run may be silent for as long as a person takes to approve a call.
    this.#socket?.setTimeout(0);
    // What is at hand for a client that comes back leaves with the head: each write may wake it once more. The response
    // has a cork of its own, but an end within it overtakes what was written.
    const socket = this.#socket;
    socket?.cork();
    setImmediate(() => socket?.uncork());
    response.write(`retry: ${STREAM_RETRY_MS}\n: open\n\n`);
    const watcher = watch(this);
    if (this.#phase.kind === "closed") watcher.close();
    else this.#watcher = watcher;
  }

  isReady(): boolean {
    return !this.#isFull;
  }

  /** 2. */
  write(batch: EncodedBatch, from: number): number {
    let at = from;
    while (at < batch.byteLength && !this.#isFull) {
      const part = batch.bytes.subarray(at, at + WATCHER_WRITE_BYTES_MAX);
      // A view would keep the whole of a large event for as long as a stalled socket keeps this part.
      const slice = part.length === batch.byteLength ? part : Buffer.from(part);
      this.#isFull = !this.#response.write(slice);
      at += slice.length;
    }
    this.#isMidEvent = !batch.endsEvent(at);
    return at - from;
  }

  close(why: WatcherEnd): void {
    switch (why) {
      case "ended":
        return this.#end("", WATCHER_STALL_MS);
      case "stalled":
        return void this.#response.destroy();
      case "failed":
        return this.#end(": something went wrong here, come back\n\n", WATCHER_STALL_MS);
      case "generation_changed":
        return this.#end(": the store is in another generation, come back\n\n", WATCHER_STALL_MS);
      case "going_away":
        // A client that came back on this connection would be refused by a closing server, and an EventSource takes
        // that for final.
        this.#response.on("finish", () => this.#socket?.destroySoon());
        return this.#end(
          `retry: ${STREAM_RETRY_GOING_AWAY_MS}\n: this gateway goes away, come back\n\n`,
          SOCKET_CLOSE_TIMEOUT_MS,
        );
      default:
        why satisfies never;
    }
  }

  #expire(): void {
    this.#watcher?.close();
    this.#end(": the credential has ended, come back with a new one\n\n", SOCKET_CLOSE_TIMEOUT_MS);
  }

  #heartbeatLater(): () => void {
    return this.#clock.after(STREAM_HEARTBEAT_MS, () => this.#heartbeat());
  }

  #heartbeat(): void {
    if (this.#phase.kind !== "open") return;
    this.#phase.cancelHeartbeat = this.#heartbeatLater();
    if (this.#response.writableLength > 0) return this.#checkProgress();
    this.#stuckMs = 0;
    if (!this.#isMidEvent) this.#response.write(": still here\n\n"); // 1.
  }

  /** 3. */
  #checkProgress(): void {
    const bytesGone = (this.#socket?.bytesWritten ?? 0) - (this.#socket?.writableLength ?? 0);
    this.#stuckMs = bytesGone === this.#bytesGone ? this.#stuckMs + STREAM_HEARTBEAT_MS : 0;
    this.#bytesGone = bytesGone;
    if (this.#stuckMs >= WATCHER_STALL_MS) this.#response.destroy();
  }

  /** Ends once everything written is on its way, or cuts after this time. 4. */
  #end(lastWords: string, waitMs: number): void {
    if (this.#phase.kind !== "open") return;
    this.#leave({ kind: "ending", cancelDeadline: this.#clock.after(waitMs, () => this.#response.destroy()) });
    if (this.#isMidEvent)
      this.#response.destroy(); // 1.
    else this.#response.end(lastWords);
  }

  /** Goes on to another phase, and lets go of what this one holds. */
  #leave(next: Phase): void {
    const before = this.#phase;
    this.#phase = next;
    switch (before.kind) {
      case "open":
        before.cancelHeartbeat();
        return before.endWatch();
      case "ending":
        return before.cancelDeadline();
      case "closed":
        return;
      default:
        before satisfies never;
    }
  }
}
