import { v7 } from "uuid";
import type { Clock } from "../../ports/clock.ts";

/** The clock and the randomness of this machine. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(delayMs, callback) {
    if (delayMs <= 0) {
      // `setTimeout` would make it a millisecond, which work that is due now should not cost. It is not unreferenced:
      // it would then wait for the next event, and it keeps the process alive for no more than a turn of its loop.
      const immediate = setImmediate(callback);
      return () => clearImmediate(immediate);
    }
    const timer = setTimeout(callback, delayMs);
    timer.unref();
    return () => clearTimeout(timer);
  },
  random: () => Math.random(),
  // Not `crypto.randomUUIDv7`: Node 22 does not have it, and it does not order ids made within one millisecond.
  newId: () => v7(),
};
