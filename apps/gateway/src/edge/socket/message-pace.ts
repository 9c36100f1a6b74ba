import { type Rate, type TokenBucket, takeTokens } from "../../runtime/token-bucket.ts";

/** How fast one client may send. */
export interface PaceBounds {
  readonly messages: Rate;
  /** In bytes of text: reading and checking a message costs time in proportion to them. */
  readonly bytes: Rate;
}

/** Something that a client sent. */
export interface SentCost {
  readonly messages: number;
  readonly bytes: number;
}

/**
 * Whether a client sends faster than it may. What it sent is charged when it has been handled, and the next message is
 * handled once that is paid. It is pure but for its own state: time is an argument.
 */
export class MessagePace {
  readonly #bounds: PaceBounds;
  #messages: TokenBucket | null = null;
  #bytes: TokenBucket | null = null;
  #owed: SentCost = { messages: 0, bytes: 0 };

  constructor(bounds: PaceBounds) {
    this.#bounds = bounds;
  }

  charge({ messages, bytes }: SentCost): void {
    this.#owed = { messages: this.#owed.messages + messages, bytes: this.#owed.bytes + bytes };
  }

  /** Pays what is owed. Returns 0 if nothing is left, else after how many ms to call again. `now`: a monotonic time. */
  pay(now: number): number {
    const messages = takeTokens(this.#messages, this.#bounds.messages, now, this.#owed.messages);
    this.#messages = messages.bucket;
    const bytes = takeTokens(this.#bytes, this.#bounds.bytes, now, this.#owed.bytes);
    this.#bytes = bytes.bucket;
    this.#owed = {
      messages: messages.kind === "taken" ? 0 : this.#owed.messages,
      bytes: bytes.kind === "taken" ? 0 : this.#owed.bytes,
    };
    return Math.max(
      messages.kind === "taken" ? 0 : messages.retryAfterMs,
      bytes.kind === "taken" ? 0 : bytes.retryAfterMs,
    );
  }
}
