import { isId, type UserMessage } from "@hsafa/protocol";
import { idempotencyOwner } from "../access/idempotency-owner.ts";
import { quotaExceeded } from "../access/quota-exceeded.ts";
import { canonicalHash } from "../core/canonical-json.ts";
import { enqueueSeenInput, type InputAccepted } from "./enqueue-seen-input.ts";
import { type FileTakingDeps, takeFiles } from "./take-files.ts";
import type { UseCaseDeps } from "./use-case-deps.ts";
import type { Principal } from "../access/principal.ts";
import { reachedSubject } from "../access/reached-subject.ts";
import { notFound, type Refusal } from "../access/refusal.ts";
import { maySeeRun } from "../access/run-visibility.ts";

/** Enqueues a message of the user. The run takes it before its next step. */
export async function postMessage(
  deps: FileTakingDeps & Pick<UseCaseDeps, "bell">,
  principal: Principal,
  params: { readonly runId: string; readonly message: UserMessage; readonly idempotencyKey: string | undefined },
): Promise<InputAccepted | Refusal> {
  const { runId, message, idempotencyKey } = params;
  const dedupe =
    idempotencyKey === undefined
      ? null
      : { key: `message:${idempotencyOwner(principal)}:${idempotencyKey}`, bodyHash: canonicalHash(message) };
  const store = deps.store.forTenant(principal.tenantId);
  const isKnown = async (): Promise<boolean> =>
    dedupe !== null && isId(runId) && store.knows({ kind: "input", runId, key: dedupe.key });
  const within = await deps.quotas.within(principal.tenantId, {
    needs: ["storedBytes"],
    isKnown,
    async make() {
      // Nobody stores files for a run that they do not see.
      if (!(await maySeeRun(deps, principal, runId))) return notFound("run");
      const subject = reachedSubject(principal) ?? null;
      const messages = [{ message, path: "message" }];
      const taken = await takeFiles(deps, principal, { runId, subject, messages, isKnown });
      if (taken.kind === "refused") return taken;
      const [said = message] = taken.messages;
      return enqueueSeenInput(deps, principal, { runId, input: { kind: "message", message: said }, dedupe });
    },
  });
  return within.kind === "made" ? within.made : quotaExceeded(within.lack, deps.clock.now());
}
