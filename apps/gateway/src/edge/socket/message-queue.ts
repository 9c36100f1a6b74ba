export interface QueueBounds {
  /** Messages, and their bytes, at which the queue is full. */
  readonly messagesMax: number;
  readonly bytesMax: number;
}

export interface QueuedMessage {
  readonly text: string;
  readonly byteLength: number;
}

/**
 * Messages that wait to be handled, in order. It takes a message also when it is full, since the message is in memory
 * already. Its owner reads no more from the transport of a full queue.
 */
export class MessageQueue {
  readonly #bounds: QueueBounds;
  #messages: QueuedMessage[] = [];
  #bytes = 0;

  constructor(bounds: QueueBounds) {
    this.#bounds = bounds;
  }

  get isFull(): boolean {
    return this.#messages.length >= this.#bounds.messagesMax || this.#bytes >= this.#bounds.bytesMax;
  }

  get isEmpty(): boolean {
    return this.#messages.length === 0;
  }

  push(text: string, byteLength: number): void {
    this.#messages.push({ text, byteLength });
    this.#bytes += byteLength;
  }

  /** Removes the oldest message and returns it. */
  shift(): QueuedMessage | undefined {
    const message = this.#messages.shift();
    this.#bytes -= message?.byteLength ?? 0;
    return message;
  }

  clear(): void {
    this.#messages = [];
    this.#bytes = 0;
  }
}
