/**
 * What a WebSocket does, as far as `MessageSocket` needs it. The `ws` library satisfies it through `ws-transport.ts`; a
 * test or a simulation brings its own. No method throws. Once the other side or `close` has begun to close the
 * connection, `send` does nothing.
 */
export interface MessageTransport {
  /** Delivers what happens from now on. Called once. */
  open(events: TransportEvents): void;
  /** Sends one text message; bytes are UTF-8. Calls `onSent` once it has left this process, or has failed to. */
  send(text: string | Uint8Array, onSent: () => void): void;
  /** Holds back what `write` sends until it returns, so that it leaves in few packets. */
  batch(write: () => void): void;
  ping(): void;
  /** Reads nothing more. Messages that were read already may still be delivered. */
  pause(): void;
  resume(): void;
  /** Begins to close it. `reason` is at most 123 bytes of UTF-8. `closed` follows in bounded time. */
  close(code: number, reason: string): void;
  /** Cuts it at once. `closed` follows. */
  terminate(): void;
  /** Bytes that were sent and have not left this process. */
  readonly bufferedAmount: number;
}

/** What happens on a transport. */
export interface TransportEvents {
  /** A text message is complete. */
  text(text: string, byteLength: number): void;
  /** A binary message is complete. */
  binary(): void;
  /** The other side has sent a ping, which the transport answers by itself. */
  pinged(): void;
  /** The other side has answered a ping. Comes after the bytes of the pong. */
  pong(): void;
  /** Bytes came in, of whole messages or not, pongs included. Comes before the message that they complete. */
  bytes(byteLength: number): void;
  /** The connection is closed. It is the last event, and comes once. */
  closed(): void;
}
