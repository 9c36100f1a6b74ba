import { type BackoffBounds, backoffMs } from "../core/backoff.ts";
import type { Clock } from "../ports/clock.ts";
import type { Log } from "../ports/log.ts";
import { StoreUnavailable } from "../ports/store.ts";

export interface RecurringParams {
  /** What the work does, for the log: "renew leases". */
  readonly name: string;
  /**
   * Does the work once. Returns after how many milliseconds it is due again, or null if only a request makes it due.
   * It may reject: the failure is logged, and the work is done again after `retry`.
   */
  readonly tick: () => Promise<number | null>;
  /** The delays after failures. A constant delay has equal bounds. */
  readonly retry: BackoffBounds;
  readonly clock: Pick<Clock, "after" | "monotonic" | "random">;
  readonly log: Log;
}

/**
 * Work that recurs: a tick, done again when it is due, sooner on demand, until it is stopped.
 *
 * 1. At most one tick is in flight.
 * 2. Nothing rejects. A failed tick is logged and done again after a backoff. Of failures for want of the store the
 *    first of a row alone is logged, since they all say the same.
 * 3. A request during a tick counts: the work is due again when that tick is over.
 * 4. While ticks fail, requests do not hurry them: many requests would only hammer what is away.
 * 5. After `stop` no tick begins.
 */
export class Recurring {
  readonly #params: RecurringParams;
  #isRunning = false;
  #inFlight: Promise<void> | null = null;
  #timer: { readonly dueAt: number; readonly cancel: () => void } | null = null;
  /** The earliest time that was asked for since the tick in flight began, by the monotonic clock. */
  #requestedAt = Number.POSITIVE_INFINITY;
  #failures = 0;

  constructor(params: RecurringParams) {
    this.#params = params;
  }

  /** Whether the last tick failed. */
  get isFailing(): boolean {
    return this.#failures > 0;
  }

  /** Begins; the first tick is due after `delayMs`, or with null at the first request. */
  start(delayMs: number | null): void {
    this.#isRunning = true;
    if (delayMs !== null) this.request(delayMs);
  }

  /** Asks for a tick in `delayMs` or sooner. Has no effect before `start` and after `stop`. */
  request(delayMs = 0): void {
    const dueAt = this.#params.clock.monotonic() + delayMs;
    if (this.#inFlight !== null)
      this.#requestedAt = Math.min(this.#requestedAt, dueAt); // 3.
    else if (this.#timer === null) this.#schedule(dueAt);
    else if (!this.isFailing && dueAt < this.#timer.dueAt) this.#schedule(dueAt); // 4.
  }

  /** Does a tick now, after the one in flight, whatever is due. Resolves when it is over; never rejects. */
  async runNow(): Promise<void> {
    while (this.#inFlight !== null) await this.#inFlight; // 1.
    await this.#begin();
  }

  /** Ends it. Resolves when the tick in flight is over; never rejects. */
  async stop(): Promise<void> {
    this.#isRunning = false;
    this.#cancelTimer();
    while (this.#inFlight !== null) await this.#inFlight;
  }

  #schedule(dueAt: number): void {
    this.#cancelTimer();
    if (!this.#isRunning || dueAt === Number.POSITIVE_INFINITY) return; // 5.
    const { clock } = this.#params;
    const delayMs = Math.max(0, Math.ceil(dueAt - clock.monotonic()));
    this.#timer = { dueAt, cancel: clock.after(delayMs, () => void this.#begin()) };
  }

  #cancelTimer(): void {
    this.#timer?.cancel();
    this.#timer = null;
  }

  #begin(): Promise<void> {
    this.#cancelTimer();
    this.#requestedAt = Number.POSITIVE_INFINITY;
    this.#inFlight = this.#tick();
    return this.#inFlight;
  }

  async #tick(): Promise<void> {
    const { clock, retry } = this.#params;
    let delayMs: number | null;
    try {
      delayMs = await this.#params.tick();
      this.#failures = 0;
    } catch (error) {
      this.#failures += 1;
      this.#report(error);
      delayMs = backoffMs(this.#failures, retry, clock.random());
    }
    this.#inFlight = null;
    const dueAt = delayMs === null ? Number.POSITIVE_INFINITY : clock.monotonic() + delayMs;
    this.#schedule(this.isFailing ? dueAt : Math.min(dueAt, this.#requestedAt)); // 4.
  }

  /** 2. */
  #report(error: unknown): void {
    const { log, name } = this.#params;
    if (!(error instanceof StoreUnavailable)) log.error({ err: error }, `could not ${name}`);
    else if (this.#failures === 1) log.warn({ err: error }, `could not ${name}: the store is away`);
  }
}
