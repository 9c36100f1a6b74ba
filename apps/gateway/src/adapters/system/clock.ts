import { v7 } from "uuid";
import type { Clock } from "../../ports/clock.ts";

/** The clock and randomness of this machine. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(delayMs, callback) {
    const timer = setTimeout(callback, delayMs);
    timer.unref();
    return () => clearTimeout(timer);
  },
  random: () => Math.random(),
  // `uuid` rather than `crypto.randomUUIDv7`: that one is missing from Node 22, and does not order ids made within one
  // millisecond.
  newId: () => v7(),
};
