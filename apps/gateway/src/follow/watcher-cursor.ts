import { comparePositions, type Position } from "@hsafa/protocol";
import type { EncodedBatch, EventBatch } from "./event-batch.ts";

/** The event of which a socket has a part. */
interface BegunEvent {
  readonly position: Position | null;
  readonly bytesSent: number;
  readonly byteLength: number;
}

/**
 * How far a watcher's socket has come.
 *
 * 1. Its position is that of the last event that the socket has whole.
 * 2. After a part of an event comes its rest and nothing else. Another event may stand there by now, if a delta was
 *    lost with its step. The client must not get a mixture of the two under one position.
 */
export class WatcherCursor {
  #position: Position;
  #begun: BegunEvent | null = null;

  constructor(position: Position) {
    this.#position = position;
  }

  get position(): Position {
    return this.#position;
  }

  /**
   * From which byte of a batch the socket goes on. The batch begins with the first event after `position`. Null: the
   * event that was begun is not there any more. 2.
   */
  resumeIn(batch: EventBatch, encoded: EncodedBatch): number | null {
    if (this.#begun === null) return 0;
    const { position, bytesSent, byteLength } = this.#begun;
    const isSame = encoded.parts[0]?.length === byteLength && areEqual(position, batch.start);
    return isSame ? bytesSent : null;
  }

  /** The socket has the first `byteCount` bytes of the batch. */
  advance(batch: EventBatch, encoded: EncodedBatch, byteCount: number): void {
    this.#begun = null;
    if (byteCount === encoded.byteLength) {
      this.#position = batch.end ?? this.#position; // 1.
      return;
    }
    let start = 0;
    for (const [index, { position }] of batch.events.entries()) {
      const byteLength = encoded.parts[index]?.length ?? 0;
      if (start + byteLength > byteCount) {
        const bytesSent = byteCount - start;
        if (bytesSent > 0) this.#begun = { position, bytesSent, byteLength };
        return;
      }
      this.#position = position ?? this.#position; // 1.
      start += byteLength;
    }
  }
}

function areEqual(one: Position | null, other: Position | null): boolean {
  return one === null || other === null ? one === other : comparePositions(one, other) === 0;
}
