import { isBound } from "./bounds.ts";
import type { Principal } from "./principal.ts";
import { reaches } from "./reached-subject.ts";

/** The properties of a thread that decide who sees it. */
export interface ThreadBounds {
  readonly id: string;
  readonly subject: string | null;
}

/** Whether the principal reaches this thread: it names the thread, or names nothing and the thread is its subject's. */
export function mayAccessThread(principal: Principal, thread: ThreadBounds): boolean {
  if (!isBound(principal)) return reaches(principal, thread.subject);
  return principal.threadId === thread.id && principal.runId === undefined;
}
