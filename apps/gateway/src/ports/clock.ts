/** Time and randomness for everything outside `core`. A simulation replaces both. */
export interface Clock {
  /** Milliseconds since the epoch, by this machine. Never compare it with another machine's. */
  now(): number;
  /** Milliseconds since some fixed moment. It never jumps. */
  monotonic(): number;
  /** CPU time of this thread so far, in ms. Between two moments it tells work from a process that was frozen. */
  cpu(): number;
  /**
   * Calls `callback` once after `delayMs`, unless the returned function is called before. The timer does not keep the
   * process alive.
   */
  after(delayMs: number, callback: () => void): () => void;
  /** A number in [0, 1). */
  random(): number;
  /** A fresh UUIDv7. */
  newId(): string;
}
