import type { Page, Thread } from "@hsafa/protocol";
import { isBound } from "../access/bounds.ts";
import { listedSubject } from "../access/listed-subject.ts";
import type { Principal } from "../access/principal.ts";
import { type Refusal, refuse } from "../access/refusal.ts";
import type { Store } from "../ports/store.ts";
import type { PageParams } from "../ports/tenant-store.ts";

const NOTHING: Page<Thread> = { data: [], nextCursor: null };

/**
 * Lists threads, newest first: those that the principal reaches, and of these a subject's if one is asked for. A token
 * for a thread lists that thread. A token for one run or for a device has no list.
 */
export async function listThreads(
  { store }: { readonly store: Store },
  principal: Principal,
  params: PageParams & { readonly subject: string | undefined },
): Promise<{ readonly kind: "found"; readonly page: Page<Thread> } | Refusal> {
  const { runId, threadId } = principal;
  if (runId !== undefined || (threadId === undefined && isBound(principal))) {
    return refuse("forbidden", "The token is bound to less than a list of threads.");
  }
  const tenant = store.forTenant(principal.tenantId);
  if (threadId === undefined) {
    const listed = listedSubject(principal, params.subject);
    return { kind: "found", page: listed === null ? NOTHING : await tenant.listThreads({ ...params, ...listed }) };
  }
  // Its one thread fills the first page, and there is no other.
  const named = params.cursor === undefined ? await tenant.findThread({ idOrKey: threadId, subject: null }) : null;
  const isListed = named !== null && (params.subject === undefined || params.subject === named.subject);
  return { kind: "found", page: isListed ? { ...NOTHING, data: [named] } : NOTHING };
}
