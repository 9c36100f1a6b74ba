import { createContext, Script } from "node:vm";

const script = new Script("work()");
/** One for all calls: a context takes a millisecond to make, and synchronous calls cannot overlap in it. */
const context = createContext({ work: () => {} });

/**
 * Runs `work` and returns its result, or "too_slow" if it was cut off after `limitMs`. Linear patterns do not bound a
 * validator: a dozen definitions that each refer twice to the next make endless work. The watchdog costs a third of a
 * millisecond.
 */
export function withinTimeLimit<T>(limitMs: number, work: () => T): T | "too_slow" {
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
