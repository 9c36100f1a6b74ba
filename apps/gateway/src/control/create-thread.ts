import { isId, type JsonObject, type Thread } from "@hsafa/protocol";
import { isBound } from "../access/bounds.ts";
import type { Principal } from "../access/principal.ts";
import { type Refusal, refuse } from "../access/refusal.ts";
import type { Clock } from "../ports/clock.ts";
import type { Store } from "../ports/store.ts";

/** Makes a thread, or finds the one that this key names. */
export async function createThread(
  deps: { readonly store: Store; readonly clock: Pick<Clock, "newId"> },
  principal: Principal,
  params: { readonly key: string | undefined; readonly metadata: JsonObject | undefined },
): Promise<{ readonly kind: "thread"; readonly thread: Thread; readonly created: boolean } | Refusal> {
  if (isBound(principal))
    return refuse("forbidden", "The token is bound to less than the tenant; make threads with a key.");
  if (params.key !== undefined && isId(params.key)) {
    const fault = { path: "key", message: "must not look like an id" };
    return refuse("invalid_request", "The key could not be told from a thread's id.", [fault]);
  }
  const made = await deps.store.forTenant(principal.tenantId).createThread({
    threadId: deps.clock.newId(),
    key: params.key ?? null,
    metadata: params.metadata ?? {},
  });
  return { kind: "thread", ...made };
}
