import type { Principal } from "./principal.ts";

/**
 * Whether a token names a run, a thread or a device. Such a principal sees nothing else of its tenant: no agents, no
 * devices, no lists of calls.
 */
export function isBound(principal: Principal): boolean {
  return principal.runId !== undefined || principal.threadId !== undefined || principal.deviceKey !== undefined;
}
