import { comparePositions, type Position } from "@hsafa/protocol";
import { writeSize } from "./event-batch.ts";
import type { FollowedEvent } from "./followed-event.ts";
import {
  FOLLOW_RING_BYTES_MAX,
  FOLLOW_RING_COMPACT_SLOTS,
  FOLLOW_RING_LAGGING_BYTES_MAX,
  FOLLOW_RINGS_BYTES_MAX,
  WATCHER_WRITE_BYTES_MAX,
} from "./limits.ts";

/** How much of the runs that it follows a gateway keeps in memory, in bytes (R9). */
export interface RingBounds {
  /** Of one run, for watchers that come back. */
  readonly ringBytesMax: number;
  /** Of one run, while a watcher lags. */
  readonly laggingRingBytesMax: number;
  /** Of all runs. */
  readonly ringsBytesMax: number;
}

export const RING_BOUNDS: RingBounds = {
  ringBytesMax: FOLLOW_RING_BYTES_MAX,
  laggingRingBytesMax: FOLLOW_RING_LAGGING_BYTES_MAX,
  ringsBytesMax: FOLLOW_RINGS_BYTES_MAX,
};

/** Bytes that all rings of a gateway hold, and their bounds. */
export interface RingsBudget {
  readonly bounds: RingBounds;
  bytes: number;
}

/** What a reader at a position finds in a ring. */
export type RingView =
  /** The next events, about `WATCHER_WRITE_BYTES_MAX` of them. */
  | { readonly kind: "events"; readonly events: readonly FollowedEvent[] }
  /** Nothing comes after the position yet. */
  | { readonly kind: "head" }
  /** What comes next was evicted. */
  | { readonly kind: "evicted" };

/**
 * The recent events of one run: everything accepted after `base`, in order.
 *
 * 1. A reader anywhere from `base` on goes on with the first event above its position. The event before that one was
 *    accepted in sequence and stands at or below the reader. So the rule of acceptance holds for the reader too (R8).
 * 2. An event counts with its JSON and with its bytes in every format, also those that are made while it is kept (R9).
 *    Bounds hold after each `trim`.
 */
export class EventRing {
  readonly #budget: RingsBudget;
  /** Null before `#first`: an evicted event is let go at once, though the array is moved later. */
  #events: (FollowedEvent | null)[] = [];
  #first = 0;
  #bytes = 0;
  #base: Position;
  readonly #add = (bytes: number): void => {
    this.#bytes += bytes;
    this.#budget.bytes += bytes;
  };

  constructor(base: Position, budget: RingsBudget) {
    this.#base = base;
    this.#budget = budget;
  }

  /** Adds an event that has a position, the next one. */
  push(event: FollowedEvent): void {
    this.#events.push(event);
    this.#add(event.byteLength);
    event.watchGrowth(this.#add); // 2.
  }

  /**
   * Evicts the oldest events beyond the bound of one ring and the bound of all (R9). A little is kept for watchers that
   * come back, and more while a watcher lags.
   */
  trim(hasLaggard: boolean): void {
    const { ringBytesMax, laggingRingBytesMax, ringsBytesMax } = this.#budget.bounds;
    const bytesMax = hasLaggard ? laggingRingBytesMax : ringBytesMax;
    while (this.#bytes > bytesMax || this.#budget.bytes > ringsBytesMax) {
      const oldest = this.#events[this.#first];
      if (!oldest) break;
      this.#events[this.#first] = null;
      this.#first += 1;
      this.#release(oldest);
      this.#base = oldest.position ?? this.#base;
    }
    if (this.#first >= FOLLOW_RING_COMPACT_SLOTS || this.#first === this.#events.length) {
      this.#events = this.#events.slice(this.#first);
      this.#first = 0;
    }
  }

  /** What a reader at this position finds. */
  after(position: Position): RingView {
    if (comparePositions(position, this.#base) < 0) return { kind: "evicted" };
    const next = this.#indexAfter(position); // 1.
    if (next === this.#events.length) return { kind: "head" };
    const events: FollowedEvent[] = [];
    let bytes = 0;
    for (let event = this.#events[next]; event; event = this.#events[next + events.length]) {
      bytes += writeSize(event);
      if (events.length > 0 && bytes > WATCHER_WRITE_BYTES_MAX) break;
      events.push(event);
    }
    return { kind: "events", events };
  }

  /** Gives its bytes back; the ring is not used again. */
  clear(): void {
    for (const event of this.#events) if (event) this.#release(event);
    this.#events = [];
    this.#first = 0;
  }

  #release(event: FollowedEvent): void {
    event.watchGrowth(null);
    this.#add(-event.byteLength);
  }

  #indexAfter(position: Position): number {
    let low = this.#first;
    let high = this.#events.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const at = this.#events[middle]?.position;
      if (at && comparePositions(at, position) <= 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
