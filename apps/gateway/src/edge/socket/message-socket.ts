import { CLOSE_CODES, type ErrorCode, ERRORS } from "@hsafa/protocol";
import { type CredentialLife, watchCredential } from "../../access/credential-life.ts";
import type { Refusal } from "../../access/refusal.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Log } from "../../ports/log.ts";
import { StoreUnavailable } from "../../ports/store.ts";
import type { LoopTurns } from "../../runtime/loop-turns.ts";
import { chargeBytes } from "../../runtime/charge-bytes.ts";
import { TURN_BYTES_MIN } from "../../runtime/limits.ts";
import { SOCKET_CHECK_MS } from "../limits.ts";
import { MessageQueue, type QueuedMessage } from "./message-queue.ts";
import type { MessageTransport } from "./message-transport.ts";
import { closeReason } from "./close-reason.ts";
import { endOfFailure } from "./end-of-failure.ts";
import { PaceWait } from "./pace-wait.ts";
import { SilenceWatch } from "./silence-watch.ts";
import {
  GOING_AWAY,
  type MessageHandler,
  type SocketEnd,
  type SocketProtocol,
  UNHEARD,
  UNREAD,
} from "./socket-protocol.ts";

type Phase =
  /** Nobody has said yet who it is. `bytes`: what it has sent. */
  | { readonly kind: "stranger"; bytes: number }
  /** `faults`: messages that broke the protocol. `isConfirmed`: it was heard after its admission (9). */
  | {
      readonly kind: "admitted";
      readonly tenantId: string;
      faults: number;
      isConfirmed: boolean;
      endWatch: () => void;
    }
  | { readonly kind: "ended"; readonly reason: string };

/**
 * One WebSocket connection that carries JSON messages. It owns order, bounds, backpressure, heartbeat, faults, expiry
 * and closing. A `SocketProtocol` gives the codec and the bounds, a `MessageHandler` the meaning of the messages.
 *
 * 1. Messages are handled one at a time, in the order they came in.
 * 2. Memory is bounded. From a client that is ahead of us we read no more, nor from a stranger while its first message
 *    is handled. A client that does not read is held back or closed.
 * 3. A stranger gets little: few bytes, little time, and its first fault ends the connection. No ping keeps it alive.
 * 4. Silence counts only while we read: a socket that is not read cannot be heard. Pings go out all the same.
 * 5. The connection ends when the credential that it was last admitted with expires or is revoked.
 * 6. It ends once. Then the queue is dropped, timers are cancelled, and `ended` is called exactly once.
 * 7. A transport that has ended is read again, so that the other side's close frame comes through.
 * 8. A bug here costs this connection and nothing else. The client is told `internal` and to reconnect (1012).
 * 9. A client is pinged as soon as it is admitted, and its first pong confirms that it is there. Nothing else confirms
 *    it, since messages and a close frame may have been under way before the admission.
 * 10. No client keeps the event loop to itself. The loop turns between two messages. A client that sends faster than
 *    its pace is read no more until it has waited, and pings count like messages. A large message waits for the turn of
 *    its tenant.
 */
export class MessageSocket<In, Out> {
  /** Resolves when the transport is closed and no message is being handled. */
  readonly closed: Promise<void>;
  readonly #transport: MessageTransport;
  readonly #protocol: SocketProtocol<In, Out>;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #queue: MessageQueue;
  readonly #pace: PaceWait;
  readonly #silence: SilenceWatch;
  readonly #later: (callback: () => void) => void;
  readonly #turns: Pick<LoopTurns, "take" | "charge">;
  readonly #resolveClosed: () => void;
  #handler: MessageHandler<In> | null = null;
  #phase: Phase = { kind: "stranger", bytes: 0 };
  #isHandling = false;
  #isPaused = false;
  #isClosed = false;
  #cancelCheck = (): void => {};

  constructor(params: {
    readonly transport: MessageTransport;
    readonly protocol: SocketProtocol<In, Out>;
    readonly clock: Clock;
    readonly log: Log;
    readonly turns: Pick<LoopTurns, "take" | "charge">;
    /** Calls back in a later turn of the event loop. If left out: the next one. */
    readonly later?: (callback: () => void) => void;
  }) {
    this.#transport = params.transport;
    this.#protocol = params.protocol;
    this.#clock = params.clock;
    this.#log = params.log;
    this.#queue = new MessageQueue(params.protocol.bounds.queue);
    this.#pace = new PaceWait({
      bounds: params.protocol.bounds.pace,
      clock: params.clock,
      onChange: () => this.#updatePause(),
    });
    this.#later = params.later ?? setImmediate;
    this.#turns = params.turns;
    this.#silence = new SilenceWatch(params.clock.monotonic());
    const { promise, resolve } = Promise.withResolvers<void>();
    this.closed = promise;
    this.#resolveClosed = resolve;
  }

  /** Begins to serve the connection. Called once. */
  open(handler: MessageHandler<In>): void {
    this.#handler = handler;
    this.#transport.open({
      text: (text, byteLength) => this.#receive(text, byteLength),
      binary: () => this.fault("Messages are JSON in text frames, not binary."),
      pinged: () => this.#pinged(),
      pong: () => this.#confirm(),
      bytes: (byteLength) => this.#hear(byteLength),
      closed: () => this.#transportClosed(),
    });
    if (this.#phase.kind === "ended") handler.ended(this.#phase.reason);
    else this.#scheduleCheck();
  }

  get hasEnded(): boolean {
    return this.#phase.kind === "ended";
  }

  /** Whether more bytes wait to leave than the bound allows. */
  get isFull(): boolean {
    return this.#transport.bufferedAmount > this.#protocol.bounds.unsentBytesMax;
  }

  /** Bytes that were sent and have not left this process. */
  get unsentBytes(): number {
    return this.#transport.bufferedAmount;
  }

  /** Sends one message. */
  send(message: Out): void {
    this.#send(JSON.stringify(message));
  }

  /** Sends messages that are serialised already, in few packets. */
  sendBatch(texts: Iterable<string | Uint8Array>): void {
    this.#transport.batch(() => {
      for (const text of texts) this.#send(text);
    });
  }

  sendError(code: ErrorCode, detail: string, subject?: string): void {
    this.send(this.#protocol.error(code, detail, subject));
  }

  /**
   * Reports a message that breaks the protocol. It ends a stranger's connection, and an admitted client's after too
   * many of them.
   */
  fault(detail: string, subject?: string, code: ErrorCode = "invalid_request"): void {
    const phase = this.#phase;
    if (phase.kind === "ended") return;
    this.sendError(code, detail, subject);
    if (phase.kind === "admitted") {
      phase.faults += 1;
      if (phase.faults <= this.#protocol.bounds.faultsMax) return;
    }
    this.end({ reason: "protocol_error", closeCode: CLOSE_CODES.protocolError, detail }); // 3.
  }

  /** The client is known from now on, or has renewed its credential. */
  admit(credential: CredentialLife): void {
    const phase = this.#phase;
    switch (phase.kind) {
      case "stranger":
        this.#silence.restart();
        this.#phase = {
          kind: "admitted",
          tenantId: credential.tenantId,
          faults: 0,
          isConfirmed: false,
          endWatch: this.#watch(credential),
        };
        return this.#transport.ping(); // 9.
      case "admitted":
        phase.endWatch();
        phase.endWatch = this.#watch(credential);
        return;
      case "ended":
        return;
      default:
        phase satisfies never;
    }
  }

  /** Refuses the client's credential, and ends the connection. */
  refuse({ code, detail }: Refusal): void {
    // What may succeed later says nothing of the credential: the client keeps it, and connects again.
    const closeCode = ERRORS[code].retryable ? CLOSE_CODES.goingAway : CLOSE_CODES.notAuthenticated;
    this.end({ reason: code, closeCode, detail, error: code });
  }

  /** Tells the client that this gateway goes away. */
  goAway(): void {
    this.end(GOING_AWAY);
  }

  end({ reason, closeCode, detail, error }: SocketEnd): void {
    if (error !== undefined) this.sendError(error, detail);
    if (this.#leave(reason)) this.#transport.close(closeCode, closeReason(detail));
  }

  /** Cuts the connection, also while it closes: for a client that takes nothing, not even a close frame. */
  terminate(reason: string): void {
    this.#leave(reason);
    this.#transport.terminate();
  }

  #receive(text: string, byteLength: number): void {
    if (this.hasEnded) return;
    if (this.#phase.kind === "stranger" && byteLength > this.#strangerBytesMax) return this.#refuseLength(); // 3.
    this.#queue.push(text, byteLength);
    if (this.#isHandling) this.#updatePause();
    else void this.#handleQueue();
  }

  async #handleQueue(): Promise<void> {
    this.#isHandling = true; // 1.
    try {
      for (;;) {
        const message = this.#queue.shift();
        if (message === undefined || this.hasEnded) break;
        this.#updatePause();
        await this.#handle(message);
        await this.#letOthersGo(message.byteLength);
      }
    } catch (error) {
      this.#failed(error);
    }
    this.#isHandling = false;
    this.#updatePause();
    if (this.#isClosed) this.#resolveClosed();
  }

  async #handle({ text, byteLength }: QueuedMessage): Promise<void> {
    const phase = this.#phase;
    if (phase.kind === "admitted" && byteLength >= TURN_BYTES_MIN) {
      chargeBytes(this.#turns, phase.tenantId, byteLength);
      await this.#turns.take(phase.tenantId); // 10.
      if (this.hasEnded) return;
    }
    const read = this.#protocol.read(text);
    if (read.kind === "invalid") return this.fault(read.detail, read.subject);
    await this.#handler?.handle(read.message);
  }

  /** 10. */
  async #letOthersGo(bytes: number): Promise<void> {
    if (!this.hasEnded) await this.#pace.charge({ messages: 1, bytes });
    if (!this.#queue.isEmpty) await new Promise<void>((resolve) => this.#later(resolve));
  }

  /** 10. The transport answers a ping at once; what a flood of them costs is paid by reading later. */
  #pinged(): void {
    if (!this.hasEnded) void this.#pace.charge({ messages: 1, bytes: 0 });
  }

  /** 8. */
  #failed(error: unknown): void {
    const isAway = error instanceof StoreUnavailable;
    const tenantId = this.#phase.kind === "admitted" ? this.#phase.tenantId : undefined;
    if (!isAway) this.#log.error({ err: error, tenantId }, "could not handle a socket's message");
    this.end(endOfFailure(error));
  }

  /** 2. */
  #updatePause(): void {
    const isAhead = this.#queue.isFull || this.#pace.isWaiting;
    const mustPause = !this.hasEnded && (isAhead || this.#isBusyWithStranger || this.#isHeldBack);
    if (mustPause === this.#isPaused) return;
    this.#isPaused = mustPause;
    if (mustPause) this.#transport.pause();
    else this.#transport.resume();
  }

  get #isBusyWithStranger(): boolean {
    return this.#phase.kind === "stranger" && this.#isHandling;
  }

  get #isHeldBack(): boolean {
    return this.#protocol.bounds.whenUnsent === "hold" && this.isFull;
  }

  #send(text: string | Uint8Array): void {
    if (this.hasEnded) return;
    if (this.#protocol.bounds.whenUnsent === "close" && this.isFull) return this.end(UNREAD); // 2.
    this.#transport.send(text, this.#sent);
  }

  readonly #sent = (): void => {
    if (this.hasEnded) return;
    this.#updatePause();
    this.#handler?.sent?.();
  };

  #hear(byteLength: number): void {
    const phase = this.#phase;
    if (phase.kind === "admitted") return this.#silence.heard();
    if (phase.kind !== "stranger" || this.#isHandling) return;
    // The transport bounds a message by what an admitted client may send. A stranger is stopped on the way there.
    phase.bytes += byteLength;
    if (phase.bytes > this.#strangerBytesMax) this.#refuseLength(); // 3.
  }

  /** 9. */
  #confirm(): void {
    const phase = this.#phase;
    if (phase.kind !== "admitted" || phase.isConfirmed) return;
    phase.isConfirmed = true;
    this.#handler?.confirmed?.();
  }

  get #strangerBytesMax(): number {
    return this.#protocol.bounds.strangerBytesMax ?? Number.POSITIVE_INFINITY;
  }

  #refuseLength(): void {
    const detail = `The first message must not be longer than ${this.#strangerBytesMax} bytes.`;
    this.fault(detail, undefined, "payload_too_large");
  }

  #scheduleCheck(): void {
    this.#cancelCheck = this.#clock.after(SOCKET_CHECK_MS, () => {
      this.#checkSilence();
      if (!this.hasEnded) this.#scheduleCheck();
    });
  }

  #checkSilence(): void {
    const { bounds, notAdmitted } = this.#protocol;
    const isAdmitted = this.#phase.kind === "admitted";
    const isUnread = bounds.whenUnsent === "hold" && this.unsentBytes > 0;
    const found = this.#silence.check(this.#clock.monotonic(), {
      counts: !this.#isPaused && !isUnread, // 4.
      unheardMaxMs: isAdmitted ? bounds.unheardMaxMs : bounds.admissionTimeoutMs,
      pingEveryMs: isAdmitted ? bounds.pingEveryMs : null, // 3.
    });
    if (found === "ping") this.#transport.ping();
    if (found === "silent") this.end(isAdmitted ? UNHEARD : notAdmitted);
  }

  /** 5. */
  #watch(credential: CredentialLife): () => void {
    return watchCredential(credential, this.#clock, (refusal) => this.refuse(refusal));
  }

  #transportClosed(): void {
    this.#isClosed = true;
    this.#leave("disconnected");
    if (!this.#isHandling) this.#resolveClosed();
  }

  /** Gives up everything but the transport. Returns whether it had not ended before. */
  #leave(reason: string): boolean {
    if (this.#phase.kind === "ended") return false;
    if (this.#phase.kind === "admitted") this.#phase.endWatch();
    this.#phase = { kind: "ended", reason }; // 6.
    this.#cancelCheck();
    this.#queue.clear();
    this.#pace.end();
    this.#updatePause(); // 7.
    this.#handler?.ended(reason);
    return true;
  }
}
