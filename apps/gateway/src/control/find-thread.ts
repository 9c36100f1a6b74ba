import type { Thread } from "@hsafa/protocol";
import type { Principal } from "../access/principal.ts";
import { notFound, type Refusal } from "../access/refusal.ts";
import { mayAccessThread } from "../access/thread-visibility.ts";
import type { Store } from "../ports/store.ts";

/** Finds one thread, by its id or by the client's own key. */
export async function findThread(
  { store }: { readonly store: Store },
  principal: Principal,
  idOrKey: string,
): Promise<{ readonly kind: "found"; readonly thread: Thread } | Refusal> {
  const thread = await store.forTenant(principal.tenantId).findThread({ idOrKey });
  return thread === null || !mayAccessThread(principal, thread.id) ? notFound("thread") : { kind: "found", thread };
}
