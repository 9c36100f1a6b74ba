/**
 * Time and randomness, as everything outside `core` receives them, so that a simulation can own both.
 */
export interface Clock {
  /** Milliseconds since the epoch by this machine; only for what nobody compares across machines. */
  now(): number;
  /** Milliseconds that never jump, since some fixed moment. */
  monotonic(): number;
  /** Calls `callback` once after `delayMs`, unless the answer is called first. It does not keep the process alive. */
  after(delayMs: number, callback: () => void): () => void;
  /** A number in [0, 1). */
  random(): number;
  /** A fresh UUIDv7. */
  newId(): string;
}
