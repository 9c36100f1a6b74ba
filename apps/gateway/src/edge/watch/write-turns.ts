import type { WatcherHandle } from "../../follow/sink.ts";

/** What is told to a watcher that waits. */
export type WaitingWatcher = Pick<WatcherHandle, "drained" | "progressed">;

/**
 * The watchers of one full socket, in the order of their turns. They go on one at a time: the first of them may fill
 * the socket again, and then the others keep their places.
 */
export class WriteTurns {
  readonly #isFull: () => boolean;
  readonly #later: (callback: () => void) => void;
  readonly #waiting = new Set<WaitingWatcher>();

  /** `isFull`: whether the socket takes no write now. `later` calls back once the writes made now have been handled. */
  constructor(params: { readonly isFull: () => boolean; readonly later: (callback: () => void) => void }) {
    this.#isFull = params.isFull;
    this.#later = params.later;
  }

  /** Gives a watcher the last turn, or leaves it the turn that it has. */
  wait(watcher: WaitingWatcher): void {
    this.#waiting.add(watcher);
  }

  remove(watcher: WaitingWatcher): void {
    this.#waiting.delete(watcher);
  }

  clear(): void {
    this.#waiting.clear();
  }

  /** Tells all that bytes left the socket: it is slow, but not stalled. */
  progressed(): void {
    for (const watcher of this.#waiting) watcher.progressed();
  }

  /** Lets the watchers go on in turn, until the socket is full. */
  next(): void {
    const [watcher] = this.#waiting;
    if (watcher === undefined || this.#isFull()) return;
    this.#waiting.delete(watcher);
    watcher.drained();
    this.#later(() => this.next());
  }
}
