import { type CreateThreadBody, isId, type Thread } from "@hsafa/protocol";
import { isBound } from "../access/bounds.ts";
import { branched, originOf, subjectOfBranch } from "./branched.ts";
import { quotaExceeded } from "../access/quota-exceeded.ts";
import { ownedBy } from "../access/owned-by.ts";
import type { Principal } from "../access/principal.ts";
import { type Refusal, refuse } from "../access/refusal.ts";
import type { UseCaseDeps } from "./use-case-deps.ts";

/**
 * Makes a thread of the principal's subject, or finds the one that this key names. It may go on from a run that the
 * principal reaches. An operator may name a subject.
 */
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
  const { key = null, title = null, metadata = {}, fromRunId } = params;
  const store = deps.store.forTenant(principal.tenantId);
  const origin = fromRunId === undefined ? null : await originOf(store, principal, fromRunId);
  if (origin?.kind === "refused") return origin;
  const isNamed = params.subject !== undefined;
  const subject = origin === null ? owner.subject : subjectOfBranch(principal, origin.run, { ...owner, isNamed });
  const made = { threadId: deps.clock.newId(), key, subject, title, metadata };
  const within = await deps.quotas.within(principal.tenantId, {
    needs: ["threads", "storedBytes"],
    isKnown: async () => key !== null && store.knows({ kind: "thread", key, subject }),
    make: async () =>
      origin === null
        ? { kind: "thread" as const, ...(await store.createThread(made)) }
        : branched(await store.branchThread({ ...made, runId: origin.run.id })),
  });
  return within.kind === "no_room" ? quotaExceeded(within.lack, deps.clock.now()) : within.made;
}
