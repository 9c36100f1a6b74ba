import { STORE_RETRY_MAX_MS, STORE_RETRY_MIN_MS } from "./limits.ts";
import type { Clock } from "../ports/clock.ts";

/** Resolves after `delayMs`. */
export function pause(clock: Clock, delayMs: number): Promise<void> {
  return new Promise((resolve) => {
    clock.after(delayMs, resolve);
  });
}

/**
 * How long to wait before a statement is tried again, in ms; `failures`: how often it has failed so far, at least once.
 */
export function storeBackoffMs(clock: Clock, failures: number): number {
  const boundMs = Math.min(STORE_RETRY_MAX_MS, STORE_RETRY_MIN_MS * 2 ** (failures - 1));
  return boundMs * (0.5 + clock.random() / 2);
}
