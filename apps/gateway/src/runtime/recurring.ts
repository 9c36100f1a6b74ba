/**
 * Work that recurs: a tick, done again when it is due, sooner on demand, until it is stopped.
 *
 * 1. At most one tick is in flight.
 * 2. Nothing rejects. A failed tick is logged and done again after a backoff. Of failures in a row for want of the
 *    store the first alone is logged, since they all say the same.
 * 3. A request during a tick counts: the work is due again when that tick is over.
 * 4. Requests do not break a rest: neither the one that a tick asks for, nor the backoff after a failure. Many requests
 *    would only hammer what is busy or away.
 * 5. After `stop` no tick begins by itself.
 */
import { type BackoffBounds, backoffMs } from "../core/backoff.ts";
import type { Clock } from "../ports/clock.ts";
import type { Log } from "../ports/log.ts";
import { StoreUnavailable } from "../ports/store.ts";

/** When work is due again, counted from the end of its tick. */
export interface NextTick {
  /** After how many ms; null: only a request makes it due. */
  readonly dueMs: number | null;
  /** For how many ms no request makes it due. */
  readonly restMs: number;
}

export interface RecurringParams {
  /** What the work does, for the log: "renew leases". */
  readonly name: string;
  /**
   * Does the work once. Returns when it is due again; a number alone is `dueMs` without a rest. It may reject: the
   * failure is logged, and the work is done again after `retry`.
   */
  readonly tick: () => Promise<number | null | NextTick>;
  /** The delays after failures. With equal bounds each is between half of the bound and the bound. */
  readonly retry: BackoffBounds;
  readonly clock: Pick<Clock, "after" | "monotonic" | "random">;
  readonly log: Log;
}

/** Repeats one piece of work. */
export class Recurring {
  readonly #params: RecurringParams;
  #isRunning = false;
  #inFlight: Promise<void> | null = null;
  #timer: { readonly at: number; readonly cancel: () => void } | null = null;
  /** When the next tick is due, and before when none begins by itself. By the monotonic clock. */
  #dueAt = Number.POSITIVE_INFINITY;
  #restUntil = Number.NEGATIVE_INFINITY;
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
    if (!this.#isRunning) return; // 5.
    this.#dueAt = Math.min(this.#dueAt, this.#params.clock.monotonic() + delayMs);
    if (this.#inFlight === null) this.#setTimer(); // 1. and 3.
  }

  /** Does a tick now, after the one in flight, whatever is due and even when stopped. Resolves when it is over. */
  async runNow(): Promise<void> {
    while (this.#inFlight !== null) await this.#inFlight; // 1.
    await this.#begin();
  }

  /** Ends it. Resolves when the tick in flight is over. */
  async stop(): Promise<void> {
    this.#isRunning = false;
    this.#cancelTimer();
    while (this.#inFlight !== null) await this.#inFlight;
  }

  #setTimer(): void {
    const at = Math.max(this.#dueAt, this.#restUntil); // 4.
    if (!this.#isRunning || at === Number.POSITIVE_INFINITY || this.#timer?.at === at) return; // 5.
    this.#cancelTimer();
    const { clock } = this.#params;
    const delayMs = Math.max(0, Math.ceil(at - clock.monotonic()));
    this.#timer = { at, cancel: clock.after(delayMs, () => void this.#begin()) };
  }

  #cancelTimer(): void {
    this.#timer?.cancel();
    this.#timer = null;
  }

  #begin(): Promise<void> {
    this.#cancelTimer();
    this.#dueAt = Number.POSITIVE_INFINITY;
    this.#inFlight = this.#doTick();
    return this.#inFlight;
  }

  /** 2. */
  async #doTick(): Promise<void> {
    const { tick, retry, clock } = this.#params;
    let next: NextTick;
    try {
      const returned = await tick();
      this.#failures = 0;
      next = typeof returned === "object" && returned !== null ? returned : { dueMs: returned, restMs: 0 };
    } catch (error) {
      this.#failures += 1;
      this.#report(error);
      const delayMs = backoffMs(this.#failures, retry, clock.random());
      next = { dueMs: delayMs, restMs: delayMs }; // 4.
    }
    this.#inFlight = null;
    const now = clock.monotonic();
    this.#restUntil = now + next.restMs;
    if (next.dueMs !== null) this.#dueAt = Math.min(this.#dueAt, now + next.dueMs);
    this.#setTimer();
  }

  #report(error: unknown): void {
    const { log, name } = this.#params;
    if (!(error instanceof StoreUnavailable)) log.error({ err: error }, `could not ${name}`);
    else if (this.#failures === 1) log.warn({ err: error }, `could not ${name}: the store is away`);
  }
}
