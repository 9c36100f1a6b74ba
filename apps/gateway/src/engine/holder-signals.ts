import type { RunInput } from "../core/input.ts";
import type { Clock } from "../ports/clock.ts";

/**
 * What wakes a holder while it waits: reports, inputs, the end of its lease, a stop, a bug. A signal is kept until the
 * holder takes it, so that none is missed while it commits.
 */
export class HolderSignals {
  readonly #clock: Clock;
  #reports: RunInput[] = [];
  #isInboxStale = false;
  #leaving: "no" | "when_idle" | "now" = "no";
  #lost: "fenced" | "stale" | null = null;
  #bug: { readonly error: unknown } | null = null;
  #isSignaled = false;
  #resolve: (() => void) | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get leaving(): "no" | "when_idle" | "now" {
    return this.#leaving;
  }

  /** Why the lease is gone, or null. */
  get lost(): "fenced" | "stale" | null {
    return this.#lost;
  }

  get isInboxStale(): boolean {
    return this.#isInboxStale;
  }

  /** Reports what was learnt by performing an effect, or by the claim. */
  report(input: RunInput): void {
    this.#reports.push(input);
    this.#signal();
  }

  /** The inbox holds more than was read. */
  inboxChanged(): void {
    this.#isInboxStale = true;
    this.#signal();
  }

  leave(how: "when_idle" | "now"): void {
    this.#leaving = how;
    this.#signal();
  }

  lose(why: "fenced" | "stale"): void {
    this.#lost ??= why;
    this.#signal();
  }

  fail(error: unknown): void {
    this.#bug ??= { error };
    this.#signal();
  }

  takeReports(): RunInput[] {
    const reports = this.#reports;
    this.#reports = [];
    return reports;
  }

  /** Whether the inbox must be read. The caller reads it now. */
  takeInboxStale(): boolean {
    const isStale = this.#isInboxStale;
    this.#isInboxStale = false;
    return isStale;
  }

  /**
   * Resolves at the next signal, at once if there was one since the last time, or after `delayMs` (null: only at a
   * signal). Throws the bug that was met.
   */
  async next(delayMs: number | null): Promise<void> {
    if (!this.#isSignaled) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#resolve = resolve;
      const cancel = delayMs === null ? () => {} : this.#clock.after(delayMs, resolve);
      await promise;
      cancel();
      this.#resolve = null;
    }
    this.#isSignaled = false;
    if (this.#bug !== null) throw this.#bug.error;
  }

  #signal(): void {
    this.#isSignaled = true;
    this.#resolve?.();
  }
}
