import { isId, type Thread } from "@hsafa/protocol";
import type { Principal } from "./principal.ts";
import { notFound, type Refusal } from "./refusal.ts";
import { reachedSubject } from "./reached-subject.ts";
import { mayAccessThread } from "./thread-visibility.ts";
import type { Store } from "../ports/store.ts";
import type { RunBounds, TenantStore } from "../ports/tenant-store.ts";

/**
 * Finds one thread, by its id or by the client's own key. A key is looked for among the threads of the principal's
 * subject, or of `subject` for an operator.
 */
export async function findThread(
  { store }: { readonly store: Store },
  principal: Principal,
  { idOrKey, subject }: { readonly idOrKey: string; readonly subject: string | undefined },
): Promise<{ readonly kind: "found"; readonly thread: Thread } | Refusal> {
  const tenant = store.forTenant(principal.tenantId);
  const { threadId } = principal;
  // The key of a thread that is named may be another user's.
  const named =
    threadId === undefined || isId(idOrKey) ? null : await tenant.findThread({ idOrKey: threadId, subject: null });
  const of = subject ?? reachedSubject(principal) ?? null;
  const thread = named?.key === idOrKey ? named : await tenant.findThread({ idOrKey, subject: of });
  return thread === null || !mayAccessThread(principal, thread) ? notFound("thread") : { kind: "found", thread };
}

/** Whether the principal reaches the thread of a run. A run of a user may be on a thread that is not the user's. */
export async function reachesThreadOf(
  store: TenantStore,
  principal: Principal,
  { threadId }: Pick<RunBounds, "threadId">,
): Promise<boolean> {
  if (threadId === null) return true;
  const thread = await store.findThread({ idOrKey: threadId, subject: null });
  return thread !== null && mayAccessThread(principal, thread);
}
