import { isBound } from "./bounds.ts";
import type { Principal } from "./principal.ts";

/** Whether this thread lies within the principal's bounds. */
export function mayAccessThread(principal: Principal, threadId: string): boolean {
  return isBound(principal) ? principal.threadId === threadId && principal.runId === undefined : true;
}
