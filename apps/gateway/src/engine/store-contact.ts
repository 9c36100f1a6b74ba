import { BOOT_LOOK_MS } from "./limits.ts";
import type { Clock } from "../ports/clock.ts";

/**
 * Whether this gateway has itself been without Postgres. If it was, others may have been too: their leases look expired
 * though they work on, and calls look overdue though they were answered, so it judges none of them for one lease time
 * after contact is back. Whoever boots knows nothing of that yet, and looks on for a moment where others may be at
 * work.
 *
 * And what time it is there: what is asked for on the strength of being in contact says until when that is good, since
 * a statement may be held up on its way while others are cut off.
 */
export class StoreContact {
  readonly #clock: Clock;
  readonly #leaseDurationMs: number;
  #answeredAt: number;
  #doubtUntil: number;
  /** What time it was there, in ms, and when that was heard, by the monotonic clock. */
  #told: { readonly time: number; readonly at: number } | null = null;

  constructor(params: { readonly clock: Clock; readonly leaseDurationMs: number; readonly isOnlyGateway: boolean }) {
    this.#clock = params.clock;
    this.#leaseDurationMs = params.leaseDurationMs;
    this.#answeredAt = params.clock.monotonic();
    const lookMs = params.isOnlyGateway ? 0 : Math.min(BOOT_LOOK_MS, params.leaseDurationMs / 2);
    this.#doubtUntil = this.#answeredAt + lookMs;
  }

  /** The store has answered just now. */
  answered(): void {
    const now = this.#clock.monotonic();
    if (this.#isOverdue(now)) this.#doubtUntil = now + this.#leaseDurationMs;
    this.#answeredAt = now;
  }

  /**
   * It has said what time it is there, in ms. If more has gone by than by our own clock, that stood still with us
   * (a machine that was suspended): a silence that nobody here has noticed.
   */
  toldTime(time: number): void {
    const now = this.#clock.monotonic();
    if (time - this.timeIn(0) > this.#silenceMs) this.#doubtUntil = now + this.#leaseDurationMs;
    this.#told = { time, at: now };
  }

  /** The time there in so many ms, never later than it really is then; not yet told: the end of time. */
  timeIn(ms: number): number {
    if (this.#told === null) return Number.POSITIVE_INFINITY;
    return this.#told.time + this.#clock.monotonic() - this.#told.at + ms;
  }

  /** Until when others may be judged by their silence, as the database tells the time, in ms; null: they may not. */
  judgesUntil(): number | null {
    return this.mayJudge() ? this.timeIn(this.#silenceMs) : null;
  }

  mayJudge(): boolean {
    const now = this.#clock.monotonic();
    return !this.#isOverdue(now) && now >= this.#doubtUntil;
  }

  #isOverdue(now: number): boolean {
    return now - this.#answeredAt > this.#silenceMs;
  }

  /**
   * A holder renews every third of its lease: a shorter silence leaves it a third of it, in which to find a connection
   * that works and to renew or hand back; a longer one can have cost somebody a lease.
   */
  get #silenceMs(): number {
    return this.#leaseDurationMs / 3;
  }
}
