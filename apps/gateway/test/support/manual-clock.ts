import type { Clock } from "../../src/ports/clock.ts";

/** A clock that the test moves. */
export class ManualClock implements Clock {
  #time = 1_750_000_000_000;
  #cpu = 0;
  #ids = 0;
  #timers = new Set<{ at: number; callback: () => void }>();

  now = (): number => this.#time;
  monotonic = (): number => this.#time;
  cpu = (): number => this.#cpu;
  random = (): number => 0.5;
  newId = (): string => {
    this.#ids += 1;
    return `0199c8f0-0000-7000-8000-${String(this.#ids).padStart(12, "0")}`;
  };

  after = (delayMs: number, callback: () => void): (() => void) => {
    const timer = { at: this.#time + delayMs, callback };
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  };

  /** Moves on by `ms`, and calls what falls due on the way, in order. */
  advance(ms: number): void {
    const end = this.#time + ms;
    for (;;) {
      const due = [...this.#timers].filter(({ at }) => at <= end).toSorted((a, b) => a.at - b.at)[0];
      if (due === undefined) break;
      this.#timers.delete(due);
      this.#time = Math.max(this.#time, due.at);
      due.callback();
    }
    this.#time = end;
  }

  /** Moves on to the next timer that is due by `end`, and calls it. Returns false if there is none. */
  advanceToNext(end: number): boolean {
    const next = Math.min(...[...this.#timers].map(({ at }) => at));
    if (next > end) return false;
    this.advance(Math.max(0, next - this.#time));
    return true;
  }

  /** Goes on as it does under code that keeps the event loop for `ms`: no timer fires meanwhile. */
  burn(ms: number): void {
    this.#time += ms;
    this.#cpu += ms;
  }

  /** Jumps like a process that was stopped: what fell due meanwhile is called once, late. */
  jump(ms: number): void {
    this.#time += ms;
    this.advance(0);
  }
}
