import type { MessageTransport, TransportEvents } from "../../src/edge/socket/message-transport.ts";

/** A transport whose other side is the test. What is sent leaves at once, unless the test holds it. */
export class FakeTransport implements MessageTransport {
  /** What was sent, parsed. */
  readonly sent: unknown[] = [];
  /** How many messages each batch carried. */
  readonly batches: number[] = [];
  pings = 0;
  isPaused = false;
  isTerminated = false;
  closedWith: { readonly code: number; readonly reason: string } | null = null;
  /** While set, what is sent stays in this process until `release`. */
  isHolding = false;
  #held: { readonly byteLength: number; readonly onSent: () => void }[] = [];
  #events: TransportEvents | null = null;

  open(events: TransportEvents): void {
    this.#events = events;
  }

  send(text: string | Uint8Array, onSent: () => void): void {
    if (this.closedWith !== null) return;
    const json = typeof text === "string" ? text : new TextDecoder().decode(text);
    this.sent.push(JSON.parse(json));
    if (this.isHolding) this.#held.push({ byteLength: Buffer.byteLength(json), onSent });
    else onSent();
  }

  batch(write: () => void): void {
    const before = this.sent.length;
    write();
    this.batches.push(this.sent.length - before);
  }

  ping(): void {
    this.pings += 1;
  }

  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    this.isPaused = false;
  }

  close(code: number, reason: string): void {
    this.closedWith = { code, reason };
  }

  terminate(): void {
    this.isTerminated = true;
  }

  get bufferedAmount(): number {
    return this.#held.reduce((sum, { byteLength }) => sum + byteLength, 0);
  }

  /** Lets everything leave that was held. */
  release(): void {
    for (const { onSent } of this.#held.splice(0)) onSent();
  }

  /** The other side sends a message. */
  says(message: object | string): void {
    const text = typeof message === "string" ? message : JSON.stringify(message);
    const byteLength = Buffer.byteLength(text);
    this.#events?.bytes(byteLength);
    this.#events?.text(text, byteLength);
  }

  saysBinary(): void {
    this.#events?.binary();
  }

  /** Bytes come in that complete no message: a pong, or a part of a frame. */
  brings(byteLength: number): void {
    this.#events?.bytes(byteLength);
  }

  /** The other side sends a ping. */
  pinged(): void {
    this.#events?.bytes(6);
    this.#events?.pinged();
  }

  /** The other side answers a ping. */
  pongs(): void {
    this.#events?.bytes(6);
    this.#events?.pong();
  }

  /** The connection is closed. */
  closes(): void {
    this.#events?.closed();
  }
}
