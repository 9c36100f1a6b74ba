import type { EncodedBatch } from "./event-batch.ts";
import type { EventFormat } from "./event-format.ts";

/** Why a watcher was closed, by this side. */
export type WatcherEnd =
  /** The terminal fact was handed over, or had been seen. */
  | "ended"
  /** A full socket took nothing for `WATCHER_STALL_MS`. */
  | "stalled"
  /** Something broke here: the client should come back with its position. */
  | "failed"
  /** The gateway is going away: likewise, at once. */
  | "going_away"
  /** The store is in another generation: likewise. */
  | "generation_changed";

/** Where a watcher's events go: a socket. */
export interface Sink {
  /** How its events are written. */
  readonly format: EventFormat;
  /**
   * Whether it takes a write now. After it said no, it calls `drained` when it takes one again: later, never from
   * within a call of the watcher.
   */
  isReady(): boolean;
  /**
   * Writes a batch in this sink's format, from this byte of `batch.bytes` on, and returns how many bytes it took. It
   * takes all; only of a batch above `WATCHER_WRITE_BYTES_MAX` it may take a part, and is offered the rest when it is
   * ready again.
   */
  write(batch: EncodedBatch, from: number): number;
  /** Called once and last, unless the watcher was closed by its handle. Everything written before is sent first. */
  close(end: WatcherEnd): void;
}

/** The sink's side of a watcher. */
export interface WatcherHandle {
  /** There is room again. */
  drained(): void;
  /** Bytes left although it is not ready yet: not stalled. */
  progressed(): void;
  /** The client has gone. */
  close(): void;
}
