import type { Clock } from "../ports/clock.ts";

/**
 * Whether this gateway has itself been without Postgres. If it was, others may have been too: their leases look expired though they work on, so it
 * claims none of them for one lease time after contact is back. At boot nothing is known, and nothing is held back.
 */
export class StoreContact {
  readonly #clock: Clock;
  readonly #leaseDurationMs: number;
  #answeredAt: number | null = null;
  #doubtUntil = 0;

  constructor(params: { readonly clock: Clock; readonly leaseDurationMs: number }) {
    this.#clock = params.clock;
    this.#leaseDurationMs = params.leaseDurationMs;
  }

  /** The store has answered just now. */
  answered(): void {
    const now = this.#clock.monotonic();
    if (this.#isOverdue(now)) this.#doubtUntil = now + this.#leaseDurationMs;
    this.#answeredAt = now;
  }

  mayClaimLost(): boolean {
    const now = this.#clock.monotonic();
    return !this.#isOverdue(now) && now >= this.#doubtUntil;
  }

  /** A holder renews every third of its lease: only a silence longer than half of it can have cost anybody a lease. */
  #isOverdue(now: number): boolean {
    return this.#answeredAt !== null && now - this.#answeredAt > this.#leaseDurationMs / 2;
  }
}
