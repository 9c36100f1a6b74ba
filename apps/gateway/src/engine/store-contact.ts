/**
 * Whether this gateway may judge others by their silence: take their leases for lost, their calls for overdue, or them
 * for dead.
 *
 * 1. A gateway that was itself without the store for a third of a lease judges nobody until one lease time after it is
 *    back. Others may have been without it too: their leases look expired though they work on, and their calls look
 *    overdue though they were answered. Silences within one lease time add up, since each may cost a renewal. A time
 *    without answers is a silence if a statement found the store away in it, or if it is that long.
 * 2. A gateway that starts beside others judges nobody for a moment: the store may have been away until now.
 * 3. A machine that was suspended notices no silence, since its clock stood still. The database's time tells: if more
 *    of it went by than of our own, that was a silence.
 * 4. A verdict says until when it is good, in the database's time. Its statement may be held up on the way while others
 *    are cut off.
 */
import type { Clock } from "../ports/clock.ts";
import { StoreUnavailable } from "../ports/store.ts";
import { BOOT_GRACE_MS } from "./limits.ts";

/** What a gateway knows of its own contact with the store. */
export class StoreContact {
  readonly #clock: Clock;
  readonly #leaseDurationMs: number;
  /** When the store last answered, and until when nobody is judged, by the monotonic clock. */
  #answeredAt: number;
  #judgesFrom: number;
  #hasMissed = false;
  #missedAt = Number.NEGATIVE_INFINITY;
  /** Those of the last lease time: at most one for each statement that found the store away. */
  #silences: { readonly from: number; readonly until: number }[] = [];
  /** The database's time, in ms, and when it was told, by the monotonic clock. */
  #told: { readonly time: number; readonly at: number } | null = null;

  constructor(params: { readonly clock: Clock; readonly leaseDurationMs: number; readonly isOnlyGateway: boolean }) {
    this.#clock = params.clock;
    this.#leaseDurationMs = params.leaseDurationMs;
    this.#answeredAt = params.clock.monotonic();
    const graceMs = params.isOnlyGateway ? 0 : Math.min(BOOT_GRACE_MS, params.leaseDurationMs / 2);
    this.#judgesFrom = this.#answeredAt + graceMs; // 2.
  }

  /** Waits for the answer to a statement, and takes notice of it. */
  async hear<T>(statement: Promise<T>): Promise<T> {
    try {
      const answer = await statement;
      this.answered();
      return answer;
    } catch (error) {
      if (error instanceof StoreUnavailable) this.missed();
      throw error;
    }
  }

  /** The store has answered just now. */
  answered(): void {
    const now = this.#clock.monotonic();
    if (this.#hasMissed || this.#isOverdue(now)) {
      this.#silences = this.#silences.filter(({ until }) => until > now - this.#leaseDurationMs);
      this.#silences.push({ from: this.#answeredAt, until: now });
      const silentMs = this.#silences.reduce((sum, { from, until }) => sum + until - from, 0);
      if (silentMs > this.#silenceMs) this.#judgesFrom = now + this.#leaseDurationMs; // 1.
    }
    this.#hasMissed = false;
    this.#answeredAt = now;
  }

  /** A statement found the store away. */
  missed(): void {
    this.#hasMissed = true;
    this.#missedAt = this.#clock.monotonic();
  }

  /** Whether a statement has found the store away since then. */
  hasMissedSince(at: number): boolean {
    return this.#missedAt >= at;
  }

  /** The store has told the database's time, in ms. */
  toldTime(time: number): void {
    const now = this.#clock.monotonic();
    if (time - this.databaseTimeIn(0) > this.#silenceMs) this.#judgesFrom = now + this.#leaseDurationMs; // 3.
    this.#told = { time, at: now };
  }

  /** The database's time in so many ms, never later than it really is then. Infinity while it was never told. */
  databaseTimeIn(ms: number): number {
    if (this.#told === null) return Number.POSITIVE_INFINITY;
    return this.#told.time + this.#clock.monotonic() - this.#told.at + ms;
  }

  /** Until when others may be judged by their silence, in ms of the database's time; null: they may not (4.). */
  judgesUntil(): number | null {
    return this.mayJudge() ? this.databaseTimeIn(this.#silenceMs) : null;
  }

  mayJudge(): boolean {
    const now = this.#clock.monotonic();
    return !this.#isOverdue(now) && now >= this.#judgesFrom;
  }

  #isOverdue(now: number): boolean {
    return now - this.#answeredAt > this.#silenceMs;
  }

  /**
   * The shortest silence that may have cost somebody a lease, in ms. A holder renews every third of its lease, so a
   * shorter one leaves it a third. In that time it finds a connection that works and renews the lease.
   */
  get #silenceMs(): number {
    return this.#leaseDurationMs / 3;
  }
}
