import type { Clock } from "../ports/clock.ts";
import { FEED_REST_MS, FEED_SLICE_MS } from "./limits.ts";

/**
 * Shares the event loop between the feeding of watchers and everything else that this gateway does.
 *
 * 1. Feeding goes on for `FEED_SLICE_MS` at most and one turn more. Then it rests for `FEED_REST_MS`. So runs, requests
 *    and sockets have the loop for most of the time, however many watchers there are.
 * 2. While it rests, and behind others that wait, a turn comes in the order in which it was asked for.
 * 3. While there is little to do, a turn comes at once.
 */
export class FeedTurns {
  readonly #clock: Pick<Clock, "monotonic" | "after">;
  #waiting: (() => void)[] = [];
  #isResting = false;
  /** When the present slice began, and what it has taken. */
  #sliceAt: number;
  #spentMs = 0;

  constructor(clock: Pick<Clock, "monotonic" | "after">) {
    this.#clock = clock;
    this.#sliceAt = clock.monotonic();
  }

  /** Whether a turn would come at once. */
  get isFree(): boolean {
    return !this.#isResting && this.#waiting.length === 0;
  }

  /** Does some work at once, also while others wait. */
  now<T>(work: () => T): T {
    const startedAt = this.#clock.monotonic();
    try {
      return work();
    } finally {
      this.#spend(startedAt);
    }
  }

  /** Does some work in its turn. Resolves with what it returns, and rejects with what it throws. */
  run<T>(work: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      const turn = (): void => {
        try {
          resolve(this.now(work));
        } catch (error) {
          reject(error instanceof Error ? error : new Error(String(error)));
        }
      };
      if (this.isFree) turn();
      else this.#waiting.push(turn);
    });
  }

  /** Resolves after a rest at least. */
  afterRest(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      this.#rest();
    });
  }

  #spend(startedAt: number): void {
    if (startedAt - this.#sliceAt >= FEED_SLICE_MS + FEED_REST_MS) {
      this.#sliceAt = startedAt;
      this.#spentMs = 0;
    }
    this.#spentMs += this.#clock.monotonic() - startedAt;
    if (this.#spentMs >= FEED_SLICE_MS) this.#rest(); // 1.
  }

  #rest(): void {
    if (this.#isResting) return;
    this.#isResting = true;
    this.#clock.after(FEED_REST_MS, () => {
      this.#isResting = false;
      this.#sliceAt = this.#clock.monotonic();
      this.#spentMs = 0;
      this.#serve();
    });
  }

  /** 2. */
  #serve(): void {
    const turns = this.#waiting;
    this.#waiting = [];
    for (const [index, turn] of turns.entries()) {
      if (this.#isResting) {
        this.#waiting = [...turns.slice(index), ...this.#waiting];
        return;
      }
      turn();
    }
  }
}
