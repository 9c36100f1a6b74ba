import { setTimeout as pause } from "node:timers/promises";
import { POLL_MS } from "./limits.ts";

/** Looks again and again. Returns what was found, or null after `limitMs`. */
export async function until<T>(look: () => T | null | Promise<T | null>, limitMs: number): Promise<T | null> {
  const deadline = performance.now() + limitMs;
  for (;;) {
    const found = await look();
    if (found !== null || performance.now() > deadline) return found;
    await pause(POLL_MS);
  }
}
