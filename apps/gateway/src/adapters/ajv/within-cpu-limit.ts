import { createContext, Script } from "node:vm";
import { WATCHDOG_MIN_MS, WATCHDOGS_REAL_MAX_MS } from "./limits.ts";

const script = new Script("work()");
/** One for all calls: a context takes a millisecond to make, and synchronous calls cannot overlap in it. */
const context = createContext({ work: () => {} });

/** Returns the CPU time of this thread so far, in ms. */
export function cpuMs(): number {
  // Node has the thread's own time since 23.9. Before that the real time stands in for it.
  if (typeof process.threadCpuUsage !== "function") return performance.now();
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

/**
 * Runs `work` and returns its result, or "too_slow" if it was cut off after about `limitMs` of CPU time. A watchdog can
 * measure only real time. On a busy machine `work` may be cut off before it had its CPU time. It is then tried again,
 * with twice as much real time. "starved": even so it did not have its CPU time within about `realMaxMs`, which says
 * nothing about the work.
 */
export function withinCpuLimit<T>(
  limitMs: number,
  work: () => T,
  realMaxMs: number = WATCHDOGS_REAL_MAX_MS,
): T | "too_slow" | "starved" {
  let realMs = Math.ceil(Math.max(WATCHDOG_MIN_MS, 2 * limitMs));
  for (let leftMs = realMaxMs; leftMs > 0; realMs *= 2) {
    const before = cpuMs();
    const result = withinRealTime(realMs, work);
    if (result !== "too_slow" || cpuMs() - before >= limitMs) return result;
    leftMs -= realMs;
  }
  return "starved";
}

/** The watchdog costs a third of a millisecond. */
function withinRealTime<T>(limitMs: number, work: () => T): T | "too_slow" {
  const results: T[] = [];
  context.work = () => {
    results.push(work());
  };
  try {
    script.runInContext(context, { timeout: limitMs });
  } catch (error) {
    if ((error as { code?: unknown }).code === "ERR_SCRIPT_EXECUTION_TIMEOUT") return "too_slow";
    throw error;
  } finally {
    context.work = undefined;
  }
  return results[0] as T;
}
