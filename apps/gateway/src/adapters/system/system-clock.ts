import { v7 } from "uuid";
import type { Clock } from "../../ports/clock.ts";

/** The clock and the randomness of this machine. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  cpu() {
    // Node has the thread's own time since 23.9. Before that the time of the whole process stands in for it.
    const isThreadKnown = typeof process.threadCpuUsage === "function";
    const { user, system } = isThreadKnown ? process.threadCpuUsage() : process.cpuUsage();
    return (user + system) / 1000;
  },
  after(delayMs, callback) {
    if (delayMs <= 0) {
      // `setTimeout` would wait a millisecond, which work that is due now should not cost. An unreferenced immediate
      // would wait for the next event. A referenced one keeps the process alive for one turn of its loop only.
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
