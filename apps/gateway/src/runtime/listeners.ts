import type { Log } from "../ports/log.ts";

/** Those who listen to one kind of message. */
export class Listeners<Message> {
  readonly #listeners = new Set<(message: Message) => void>();
  readonly #log: Log;

  constructor(log: Log) {
    this.#log = log;
  }

  get size(): number {
    return this.#listeners.size;
  }

  /** Adds a listener and returns a function that removes it. A function added twice is two listeners. */
  add(listener: (message: Message) => void): () => void {
    const own = (message: Message): void => listener(message);
    this.#listeners.add(own);
    return () => void this.#listeners.delete(own);
  }

  /** Calls every listener with the message, before it returns. */
  tell(message: Message): void {
    for (const listener of this.#listeners) callListener(listener, message, this.#log);
  }

  clear(): void {
    this.#listeners.clear();
  }
}

/** Calls a listener. What it throws is logged, so that its bug reaches neither the other listeners nor the sender. */
export function callListener<Message>(listener: (message: Message) => void, message: Message, log: Log): void {
  try {
    listener(message);
  } catch (error) {
    log.error({ err: error }, "a listener failed");
  }
}
