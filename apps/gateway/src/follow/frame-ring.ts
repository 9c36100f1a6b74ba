import { comparePositions, type Position } from "@hsafa/protocol";
import {
  FOLLOW_RING_BYTES_MAX,
  FOLLOW_RING_LAGGING_BYTES_MAX,
  FOLLOW_RINGS_BYTES_MAX,
  WATCHER_WRITE_BYTES_MAX,
} from "./limits.ts";
import type { Frame } from "./frame.ts";

/**
 * Evicted slots tolerated at the front of the array before it is moved: moving it at every eviction would cost its
 * length each time.
 */
const COMPACT_AT = 1024;

/** How much of the runs that it follows a gateway keeps in memory, in bytes (R9). */
export interface RingBounds {
  /** Of one run, for who comes back. */
  readonly ringBytesMax: number;
  /** Of one run, while somebody lags. */
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

/** What a cursor finds in a ring. */
export type RingView =
  /** The next frames, about `WATCHER_WRITE_BYTES_MAX` of them. */
  | { readonly kind: "frames"; readonly frames: readonly Frame[] }
  /** Everything up to the head has been seen. */
  | { readonly kind: "head" }
  /** What comes next was evicted. */
  | { readonly kind: "evicted" };

/**
 * The recent frames of one run: everything admitted after `base`, in order. A reader anywhere from `base` on may simply
 * go on with the first frame above its position: the frame before that one was admitted in sequence and stands at or
 * below the reader, so the rule of admission holds for the reader too (R8).
 */
export class FrameRing {
  readonly #budget: RingsBudget;
  #frames: Frame[] = [];
  #first = 0;
  #bytes = 0;
  #base: Position;

  constructor(base: Position, budget: RingsBudget) {
    this.#base = base;
    this.#budget = budget;
  }

  /** Adds a frame that has a position. */
  push(frame: Frame): void {
    this.#frames.push(frame);
    this.#add(frame.sse.length);
  }

  /**
   * Evicts the oldest beyond the bound of one ring and the one over all (R9): a little is kept for who comes back, and
   * more while somebody lags.
   */
  trim(hasLaggard: boolean): void {
    const { ringBytesMax, laggingRingBytesMax, ringsBytesMax } = this.#budget.bounds;
    const bytesMax = hasLaggard ? laggingRingBytesMax : ringBytesMax;
    while (this.#bytes > bytesMax || this.#budget.bytes > ringsBytesMax) {
      const oldest = this.#frames[this.#first];
      if (oldest === undefined) break;
      this.#first += 1;
      this.#add(-oldest.sse.length);
      this.#base = oldest.position ?? this.#base;
    }
    if (this.#first >= COMPACT_AT || this.#first === this.#frames.length) {
      this.#frames = this.#frames.slice(this.#first);
      this.#first = 0;
    }
  }

  after(position: Position): RingView {
    if (comparePositions(position, this.#base) < 0) return { kind: "evicted" };
    let low = this.#first;
    let high = this.#frames.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const at = this.#frames[middle]?.position;
      if (at && comparePositions(at, position) <= 0) low = middle + 1;
      else high = middle;
    }
    if (low === this.#frames.length) return { kind: "head" };
    let end = low;
    let bytes = 0;
    do {
      bytes += this.#frames[end]?.sse.length ?? 0;
      end += 1;
    } while (end < this.#frames.length && bytes + (this.#frames[end]?.sse.length ?? 0) <= WATCHER_WRITE_BYTES_MAX);
    return { kind: "frames", frames: this.#frames.slice(low, end) };
  }

  /** Gives its bytes back; the ring is not used again. */
  clear(): void {
    this.#add(-this.#bytes);
    this.#frames = [];
    this.#first = 0;
  }

  #add(bytes: number): void {
    this.#bytes += bytes;
    this.#budget.bytes += bytes;
  }
}
