import type { RunInput } from "../core/input.ts";
import type { Clock } from "../ports/clock.ts";

/**
 * What calls for a holder's attention while it waits: kept here until it looks, so that nothing is missed while it
 * commits.
 */
export class HolderSignals {
  readonly #clock: Clock;
  #reports: RunInput[] = [];
  #isInboxStale = false;
  #leaving: "no" | "when_idle" | "now" = "no";
  #lost: "fenced" | "stale" | null = null;
  #bug: { readonly error: unknown } | null = null;
  #isCalled = false;
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

  /** What was learnt by performing an effect, or by the claim. */
  report(input: RunInput): void {
    this.#reports.push(input);
    this.#call();
  }

  /** The inbox holds more than was read. */
  inboxChanged(): void {
    this.#isInboxStale = true;
    this.#call();
  }

  leave(how: "when_idle" | "now"): void {
    this.#leaving = how;
    this.#call();
  }

  lose(why: "fenced" | "stale"): void {
    this.#lost ??= why;
    this.#call();
  }

  fail(error: unknown): void {
    this.#bug ??= { error };
    this.#call();
  }

  takeReports(): RunInput[] {
    const reports = this.#reports;
    this.#reports = [];
    return reports;
  }

  /** Whether the inbox must be read, asked by whoever reads it now. */
  takeInboxStale(): boolean {
    const isStale = this.#isInboxStale;
    this.#isInboxStale = false;
    return isStale;
  }

  /**
   * Resolves at the next call, at once if there was one since the last time, or after `delayMs` (null: never). Throws
   * the bug that was met.
   */
  async next(delayMs: number | null): Promise<void> {
    if (!this.#isCalled) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#resolve = resolve;
      const cancel = delayMs === null ? () => {} : this.#clock.after(delayMs, resolve);
      await promise;
      cancel();
      this.#resolve = null;
    }
    this.#isCalled = false;
    if (this.#bug !== null) throw this.#bug.error;
  }

  #call(): void {
    this.#isCalled = true;
    this.#resolve?.();
  }
}
