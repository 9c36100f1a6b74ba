import { setTimeout as sleep } from "node:timers/promises";
import { systemClock } from "../../src/adapters/system/system-clock.ts";
import type { Clock } from "../../src/ports/clock.ts";
import { ManualClock } from "./manual-clock.ts";
import { until } from "./until.ts";

/** How time goes by for the engines of a test. */
export interface WorldTime {
  readonly clock: Clock;
  /** Waits for a condition, and fails with `what` if it does not come within `timeoutMs`. */
  until(what: string, condition: () => boolean | Promise<boolean>, timeoutMs?: number): Promise<void>;
  /** Lets this time go by, in ms. */
  pass(ms: number): Promise<void>;
  /** Keeps the event loop for this time, in ms, as code does that never rests. */
  burn(ms: number): void;
}

/** The time of this machine. */
export const realTime: WorldTime = {
  clock: systemClock,
  until,
  pass: (ms) => sleep(ms),
  burn(ms) {
    for (const end = performance.now() + ms; performance.now() < end; );
  },
};

/** A clock whose process was stopped for a while: its monotonic time is `aheadMs` ahead of what it is to the others. */
export interface StoppedClock extends Clock {
  aheadMs: number;
}

export function stoppedClock({ now, monotonic, cpu, after, random, newId }: Clock): StoppedClock {
  const ahead = (): number => monotonic() + clock.aheadMs;
  const clock: StoppedClock = { now, monotonic: ahead, cpu, after, random, newId, aheadMs: 0 };
  return clock;
}

/**
 * Time that goes by only while the test waits, from one timer to the next, as fast as the process can. Everything in
 * between must be done by promises alone: nothing waits for a real timer, a file or a socket.
 */
export function virtualTime(): WorldTime {
  const manual = new ManualClock();
  const { now, monotonic, cpu, after, random } = manual;
  /** Lets everything run that only waits for promises. */
  const settle = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));
  return {
    clock: { now, monotonic, cpu, after, random, newId: systemClock.newId },
    burn: (ms) => manual.burn(ms),
    async until(what, condition, timeoutMs = 60_000) {
      const end = manual.monotonic() + timeoutMs;
      do {
        await settle();
        if (await condition()) return;
      } while (manual.advanceToNext(end));
      throw new Error(`It did not happen within ${timeoutMs} ms that ${what}.`);
    },
    async pass(ms) {
      const end = manual.monotonic() + ms;
      do await settle();
      while (manual.advanceToNext(end));
      manual.advance(end - manual.monotonic());
      await settle();
    },
  };
}
