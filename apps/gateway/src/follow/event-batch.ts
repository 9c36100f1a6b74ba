import { comparePositions, type Position } from "@hsafa/protocol";
import type { EventFormat } from "./event-format.ts";
import type { FollowedEvent } from "./followed-event.ts";
import { EVENT_FRAMING_BYTES, WATCHER_WRITE_BYTES_MAX } from "./limits.ts";

/** A batch in one format, shared by all watchers of that format. */
export class EncodedBatch {
  readonly format: EventFormat;
  /** The bytes of each event, in order. At least one. */
  readonly parts: readonly Buffer[];
  /** Of all parts. */
  readonly byteLength: number;
  #bytes: Buffer | null = null;

  constructor(format: EventFormat, parts: readonly Buffer[]) {
    this.format = format;
    this.parts = parts;
    this.byteLength = parts.reduce((sum, { length }) => sum + length, 0);
  }

  /** All parts in one buffer, made once for all watchers. */
  get bytes(): Buffer {
    const [only] = this.parts;
    this.#bytes ??= only !== undefined && this.parts.length === 1 ? only : Buffer.concat(this.parts);
    return this.#bytes;
  }

  /** Whether the first `byteCount` bytes are whole events. */
  endsEvent(byteCount: number): boolean {
    if (byteCount === this.byteLength) return true;
    let end = 0;
    for (const { length } of this.parts) {
      if (end >= byteCount) break;
      end += length;
    }
    return end === byteCount;
  }
}

/** Events that are due at once, in order, so that they go to each socket in one write. At least one. */
export class EventBatch {
  readonly events: readonly FollowedEvent[];
  /** The first position in it; null when it has none. */
  readonly start: Position | null;
  /** The last position in it; null when it has none. */
  readonly end: Position | null;
  /** Whether it ends with the run's last event. */
  readonly terminal: boolean;
  readonly #encoded: EncodedBatch[] = [];

  constructor(events: readonly FollowedEvent[]) {
    const last = events.at(-1);
    this.events = events;
    this.start = events[0]?.position ?? null;
    this.end = last?.position ?? null;
    this.terminal = last?.terminal ?? false;
  }

  /** Returns it in a format, made once for all watchers. */
  in(format: EventFormat): EncodedBatch {
    for (const encoded of this.#encoded) if (encoded.format === format) return encoded;
    const parts = this.events.map((event) => event.in(format));
    const encoded = new EncodedBatch(format, parts);
    this.#encoded.push(encoded);
    return encoded;
  }

  /** Returns the part that a watcher at `position` has not seen, or null if it has seen all. */
  after(position: Position): EventBatch | null {
    if (this.start === null || comparePositions(this.start, position) > 0) return this;
    const unseen = this.events.filter(
      (event) => event.position === null || comparePositions(event.position, position) > 0,
    );
    return unseen.length === 0 ? null : new EventBatch(unseen);
  }
}

/** Bytes that an event takes in a write, about: its JSON and what a format puts around it. */
export function writeSize(event: FollowedEvent): number {
  return event.json.length + EVENT_FRAMING_BYTES;
}

/**
 * Cuts events into batches of about `WATCHER_WRITE_BYTES_MAX`; a larger event is a batch of its own. An event is taken
 * from `events` when its batch is asked for, so that a reader that stops early costs no more of them.
 */
export function* batchesOf(events: Iterable<FollowedEvent>): Generator<EventBatch> {
  let batch: FollowedEvent[] = [];
  let bytes = 0;
  for (const event of events) {
    const size = writeSize(event);
    if (batch.length > 0 && bytes + size > WATCHER_WRITE_BYTES_MAX) {
      yield new EventBatch(batch);
      batch = [];
      bytes = 0;
    }
    batch.push(event);
    bytes += size;
  }
  if (batch.length > 0) yield new EventBatch(batch);
}
