import { v7 } from "uuid";
import type { Clock } from "../../ports/clock.ts";

/** The clock and the randomness of this machine. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(delayMs, callback) {
    const timer = setTimeout(callback, delayMs);
    timer.unref();
    return () => clearTimeout(timer);
  },
  random: () => Math.random(),
  // Not `crypto.randomUUIDv7`: Node 22 does not have it, and it does not order ids made within one millisecond.
  newId: () => v7(),
};
