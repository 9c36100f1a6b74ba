import { isId, type UserMessage } from "@hsafa/protocol";
import { idempotencyOwner } from "../access/idempotency-owner.ts";
import { quotaExceeded } from "../access/quota-exceeded.ts";
import { canonicalHash } from "../core/canonical-json.ts";
import { enqueueRunInput } from "./enqueue-run-input.ts";
import type { InputAccepted } from "./enqueue-seen-input.ts";
import type { UseCaseDeps } from "./use-case-deps.ts";
import type { Principal } from "../access/principal.ts";
import type { Refusal } from "../access/refusal.ts";

/** Enqueues a message of the user. The run takes it before its next step. */
export async function postMessage(
  deps: Pick<UseCaseDeps, "store" | "bell" | "clock" | "quotas">,
  principal: Principal,
  params: { readonly runId: string; readonly message: UserMessage; readonly idempotencyKey: string | undefined },
): Promise<InputAccepted | Refusal> {
  const { runId, message, idempotencyKey } = params;
  const dedupe =
    idempotencyKey === undefined
      ? null
      : { key: `message:${idempotencyOwner(principal)}:${idempotencyKey}`, bodyHash: canonicalHash(message) };
  const store = deps.store.forTenant(principal.tenantId);
  const within = await deps.quotas.within(principal.tenantId, {
    needs: ["storedBytes"],
    isKnown: async () => dedupe !== null && isId(runId) && store.knows({ kind: "input", runId, key: dedupe.key }),
    make: () => enqueueRunInput(deps, principal, { runId, input: { kind: "message", message }, dedupe }),
  });
  return within.kind === "made" ? within.made : quotaExceeded(within.lack, deps.clock.now());
}
