import { isId } from "@hsafa/protocol";
import type { Bell } from "../ports/bell.ts";
import type { Store } from "../ports/store.ts";
import { canonicalHash } from "./canonical-json.ts";
import { type InputAccepted, enqueueRunInput } from "./enqueue-run-input.ts";
import type { Principal } from "../access/principal.ts";
import { notFound, type Refusal, refuse } from "../access/refusal.ts";
import { maySeeRun } from "../access/run-visibility.ts";

/**
 * Decides a call that awaits approval. The first decision counts. The same decision again is accepted again, also after
 * the call is settled.
 */
export async function decideApproval(
  deps: { readonly store: Store; readonly bell: Bell },
  principal: Principal,
  params: {
    readonly runId: string;
    readonly callId: string;
    readonly approved: boolean;
    readonly reason: string | null;
  },
): Promise<InputAccepted | Refusal> {
  const { runId, callId, approved, reason } = params;
  // One refusal for both, so that a run elsewhere cannot be told from a call that is not there (R10).
  const missing = notFound("tool call in a run of this id");
  if (!(await maySeeRun(deps, principal, runId))) return missing;
  const call = isId(callId) ? await deps.store.forTenant(principal.tenantId).findCall({ callId }) : null;
  if (call === null || call.runId !== runId) return missing;
  const outcome = await enqueueRunInput(deps, principal, {
    runId,
    input: { kind: "approval", callId, approved, reason, by: principal.name },
    dedupe: { key: `approval:${callId}`, bodyHash: canonicalHash({ approved }) },
  });
  return outcome.kind === "refused" && outcome.code === "idempotency_key_reused"
    ? refuse("call_not_awaiting_approval", "The call was decided otherwise before.")
    : outcome;
}
