import { CLOSE_CODES, type ErrorCode } from "@hsafa/protocol";
import type { PaceBounds } from "./message-pace.ts";
import type { QueueBounds } from "./message-queue.ts";
import type { ReadMessage } from "./read-message.ts";

/** How the gateway ends a connection. */
export interface SocketEnd {
  /** For the log and for people. */
  readonly reason: string;
  readonly closeCode: number;
  /** What happened and what to do: the reason of the close frame. */
  readonly detail: string;
  /** If given, an `error` message with this code goes before the close frame. */
  readonly error?: ErrorCode;
}

/** This gateway goes away, and others serve. */
export const GOING_AWAY: SocketEnd = {
  reason: "gateway_stopped",
  closeCode: CLOSE_CODES.goingAway,
  detail: "The gateway is going away; connect again.",
};

export const UNHEARD: SocketEnd = {
  reason: "heartbeat_missed",
  closeCode: CLOSE_CODES.heartbeatMissed,
  detail: "Nothing was heard for too long.",
};

export const UNREAD: SocketEnd = {
  reason: "not_reading",
  closeCode: CLOSE_CODES.heartbeatMissed,
  detail: "The client does not read what it is sent.",
};

export interface SocketBounds {
  readonly queue: QueueBounds;
  /** How fast messages and pings are taken. What comes faster is read later. */
  readonly pace: PaceBounds;
  /**
   * Bytes that a stranger may send before its first message is handled. If left out, the transport's own bound on a
   * message suffices.
   */
  readonly strangerBytesMax?: number;
  /** How long a stranger may take until it is admitted, in milliseconds. */
  readonly admissionTimeoutMs: number;
  /** How often an admitted client is pinged, and how long it may stay unheard, in milliseconds. */
  readonly pingEveryMs: number;
  readonly unheardMaxMs: number;
  /** Messages of an admitted client that break the protocol. */
  readonly faultsMax: number;
  /** Bytes that were sent and have not left this process. */
  readonly unsentBytesMax: number;
  /**
   * What happens to a client above `unsentBytesMax`. `close`: it is closed. `hold`: it may send nothing more until it
   * has read. Its silence does not count meanwhile, since a ping waits behind what it does not read.
   */
  readonly whenUnsent: "close" | "hold";
}

/** What is special to one protocol. */
export interface SocketProtocol<In, Out> {
  readonly bounds: SocketBounds;
  /** The end of a stranger that was not admitted in time. */
  readonly notAdmitted: SocketEnd;
  read(text: string): ReadMessage<In>;
  /** The message that reports an error. `subject`: the id that it is about. */
  error(code: ErrorCode, detail: string, subject: string | undefined): Out;
}

/** What is done with the messages of one connection. */
export interface MessageHandler<In> {
  /** Handles one message. It may reject with `StoreUnavailable`; any other rejection is a bug. */
  handle(message: In): Promise<void>;
  /** The client has answered the ping that followed its admission: it is there. It comes once. */
  confirmed?(): void;
  /** The connection has ended: nothing more is handled, and what is sent goes nowhere. */
  ended(reason: string): void;
  /** Something that was sent has left this process. */
  sent?(): void;
}
