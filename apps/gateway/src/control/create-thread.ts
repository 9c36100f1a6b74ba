import { type CreateThreadBody, isId, type Thread } from "@hsafa/protocol";
import { isBound } from "../access/bounds.ts";
import { quotaExceeded } from "../access/quota-exceeded.ts";
import { ownedBy } from "../access/owned-by.ts";
import type { Principal } from "../access/principal.ts";
import { type Refusal, refuse } from "../access/refusal.ts";
import type { UseCaseDeps } from "./use-case-deps.ts";

/** Makes a thread of the principal's subject, or finds the one that this key names. An operator may name a subject. */
export async function createThread(
  deps: Pick<UseCaseDeps, "store" | "clock" | "quotas">,
  principal: Principal,
  params: CreateThreadBody,
): Promise<{ readonly kind: "thread"; readonly thread: Thread; readonly created: boolean } | Refusal> {
  if (isBound(principal))
    return refuse("forbidden", "The token is bound to less than the tenant; make threads with a key.");
  if (params.key !== undefined && isId(params.key)) {
    const fault = { path: "key", message: "must not look like an id" };
    return refuse("invalid_request", "The key could not be told from a thread's id.", [fault]);
  }
  const owner = ownedBy(principal, params.subject);
  if (owner.kind === "refused") return owner;
  const { key = null, metadata = {} } = params;
  const { subject } = owner;
  const store = deps.store.forTenant(principal.tenantId);
  const within = await deps.quotas.within(principal.tenantId, {
    needs: ["threads", "storedBytes"],
    isKnown: async () => key !== null && store.knows({ kind: "thread", key, subject }),
    make: () => store.createThread({ threadId: deps.clock.newId(), key, subject, metadata }),
  });
  if (within.kind === "no_room") return quotaExceeded(within.lack, deps.clock.now());
  return { kind: "thread", ...within.made };
}
