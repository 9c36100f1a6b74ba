import { createContext, Script } from "node:vm";

const script = new Script("work()");
/** One for all calls, since a context takes a millisecond to make; calls are synchronous and cannot meet in it. */
const context = createContext({ work: () => {} });

/**
 * Runs `work` and answers its result, or "too_slow" when it was cut off after `limitMs`. Linear patterns alone do not
 * bound a validator: a dozen definitions that each refer twice to the next make work without end. Costs a third of a
 * millisecond, for the watchdog.
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
