import { actorOf } from "../access/actor-of.ts";
import { isBound } from "../access/bounds.ts";
import { findThread } from "../access/find-thread.ts";
import type { Principal } from "../access/principal.ts";
import { notFound, type Refusal, refuse } from "../access/refusal.ts";
import type { Bell } from "../ports/bell.ts";
import type { Store } from "../ports/store.ts";

/**
 * Deletes a thread of the principal's, and asks its open runs to cancel. A token that names a thread speaks in it, and
 * the thread may be another user's: it deletes none.
 */
export async function deleteThread(
  deps: { readonly store: Store; readonly bell: Bell },
  principal: Principal,
  params: { readonly idOrKey: string; readonly subject: string | undefined },
): Promise<{ readonly kind: "deleted" } | Refusal> {
  if (isBound(principal))
    return refuse("forbidden", "The token is bound to less than its subject; delete threads with another one.");
  const found = await findThread(deps, principal, params);
  if (found.kind === "refused") return found;
  const { tenantId } = principal;
  const { id: threadId } = found.thread;
  const told = await deps.store.forTenant(tenantId).deleteThread({ threadId, by: actorOf(principal) });
  if (told === null) return notFound("thread");
  for (const runId of told) deps.bell.ring({ about: "run", runId });
  deps.bell.ring({ about: "thread", tenantId, idOrKey: threadId });
  return { kind: "deleted" };
}
