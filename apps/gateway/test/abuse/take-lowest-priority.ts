import { writeFileSync } from "node:fs";
import { setPriority } from "node:os";

const LOWEST = 19;

/**
 * Gives this process the processor when nobody else wants it: in production it would have a machine of its own. On
 * Linux a priority counts within its session, and that of the session counts among the others.
 */
export function takeLowestPriority(): void {
  setPriority(LOWEST);
  try {
    writeFileSync("/proc/self/autogroup", String(LOWEST));
  } catch {
    // The system has no such groups, so the priority of the process counts among all.
  }
}
