import type { Thread } from "@hsafa/protocol";
import { findThread } from "../access/find-thread.ts";
import type { Principal } from "../access/principal.ts";
import { notFound, type Refusal } from "../access/refusal.ts";
import type { Store } from "../ports/store.ts";

/** Gives a thread that the principal reaches a title, or takes it away. */
export async function renameThread(
  deps: { readonly store: Store },
  principal: Principal,
  params: { readonly idOrKey: string; readonly subject: string | undefined; readonly title: string | null },
): Promise<{ readonly kind: "thread"; readonly thread: Thread } | Refusal> {
  const found = await findThread(deps, principal, params);
  if (found.kind === "refused") return found;
  const { title } = params;
  const thread = await deps.store.forTenant(principal.tenantId).renameThread({ threadId: found.thread.id, title });
  return thread === null ? notFound("thread") : { kind: "thread", thread };
}
