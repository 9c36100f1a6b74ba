import { isId, type ToolCall } from "@hsafa/protocol";
import type { Bell } from "../ports/bell.ts";
import type { Store } from "../ports/store.ts";
import { canonicalHash } from "../core/canonical-json.ts";
import { enqueueSeenInput, type InputAccepted } from "./enqueue-seen-input.ts";
import type { Principal } from "../access/principal.ts";
import { notFound, type Refusal, refuse } from "../access/refusal.ts";
import { isRunStarter, recordedName } from "../access/run-starter.ts";
import { maySeeRun } from "../access/run-visibility.ts";

/** Who decides, as it is recorded. */
function deciderOf(principal: Principal): { by: string; keyId: string; subject?: string } {
  const { keyId, subject } = principal;
  return { by: recordedName(principal), keyId, ...(subject === undefined ? {} : { subject }) };
}

/**
 * Decides a call that awaits approval. The first decision counts. The same decision again is accepted again, also after
 * the call is settled. What is decided is the call as `digest` names it; left out, the call as it is.
 */
export async function decideApproval(
  deps: { readonly store: Store; readonly bell: Bell },
  principal: Principal,
  params: {
    readonly runId: string;
    readonly callId: string;
    readonly approved: boolean;
    readonly digest: string | undefined;
    readonly reason: string | null;
  },
): Promise<InputAccepted | Refusal> {
  const { runId, callId, approved, reason } = params;
  // One refusal for both, so that a run elsewhere cannot be told from a call that is not there (R10).
  const missing = notFound("tool call in a run of this id");
  if (!(await maySeeRun(deps, principal, runId))) return missing;
  const call = isId(callId) ? await deps.store.forTenant(principal.tenantId).findCall({ callId }) : null;
  if (call === null || call.runId !== runId) return missing;
  const mayNot = await whyNot(deps, principal, call);
  if (mayNot !== null) return mayNot;
  const changed = otherThanShown(call, params.digest);
  if (changed !== null) return changed;
  const { digest, expiresAt } = call.approval ?? {};
  const outcome = await enqueueSeenInput(deps, principal, {
    runId,
    input: {
      kind: "approval",
      callId,
      approved,
      reason,
      ...deciderOf(principal),
      ...(digest === undefined ? {} : { digest }),
    },
    dedupe: { key: `approval:${callId}`, bodyHash: canonicalHash({ approved }) },
    ...(expiresAt === undefined ? {} : { until: Date.parse(expiresAt) }),
  });
  return outcome.kind === "refused" && outcome.code === "idempotency_key_reused"
    ? refuse("call_not_awaiting_approval", "The call was decided otherwise before.")
    : outcome;
}

/** Refuses who may not decide this call, with what they lack. What the agent says is kept with the call. */
async function whyNot(
  { store }: { readonly store: Store },
  principal: Principal,
  { runId, approval }: ToolCall,
): Promise<Refusal | null> {
  const groups = approval?.groups ?? [];
  if (groups.length > 0 && !groups.some((group) => principal.groups?.includes(group) === true)) {
    const own = principal.groups?.join(", ") ?? "";
    const which = `Only who is in ${groups.length === 1 ? "the group" : "one of the groups"} ${groups.join(", ")}`;
    return refuse(
      "forbidden",
      `${which} decides this call; the credential ${own === "" ? "has no group" : `has only ${own}`}.`,
    );
  }
  if (approval?.selfApproval === true) return null;
  const tenant = store.forTenant(principal.tenantId);
  const known = await tenant.findStarter({ runId });
  if (known === null || !isRunStarter(principal, known)) return null;
  const detail =
    "Who started a run does not decide its calls, unless its agent says 'selfApproval'; ask somebody else.";
  return refuse("forbidden", detail);
}

/** Refuses a decision about something else than this call. */
function otherThanShown(call: ToolCall, shown: string | undefined): Refusal | null {
  if (shown === undefined || shown === call.approval?.digest) return null;
  const detail =
    call.approval === null
      ? `The call is ${call.status}, and no approval of it was shown; leave 'digest' out, or read the call again.`
      : "The digest is not that of this call: nothing was decided. Read the call again, and decide on what it shows.";
  return refuse("approval_changed", detail);
}
