import type { RunStatus } from "@hsafa/protocol";
import type { OutsideInput } from "../core/input.ts";
import type { Bell } from "../ports/bell.ts";
import type { Store } from "../ports/store.ts";
import { idempotencyKeyReused, inboxFull } from "./input-refusals.ts";
import type { Principal } from "../access/principal.ts";
import { notFound, type Refusal, refuse } from "../access/refusal.ts";
import { maySeeRun } from "../access/run-visibility.ts";

export interface InputAccepted {
  readonly kind: "accepted";
  readonly runId: string;
  readonly status: RunStatus;
}

/** Enqueues an input of a run and rings for its holder (R5). Messages, approvals and cancels have this in common. */
export async function enqueueRunInput(
  deps: { readonly store: Store; readonly bell: Bell },
  principal: Principal,
  params: {
    readonly runId: string;
    readonly input: Exclude<OutsideInput, { kind: "tool_result" }>;
    readonly dedupe: { readonly key: string; readonly bodyHash: string } | null;
  },
): Promise<InputAccepted | Refusal> {
  const { runId } = params;
  if (!(await maySeeRun(deps, principal, runId))) return notFound("run");
  const outcome = await deps.store.forTenant(principal.tenantId).enqueueInput(params);
  switch (outcome.kind) {
    case "accepted":
      deps.bell.ring({ about: "run", runId });
      return { kind: "accepted", runId, status: outcome.status };
    case "duplicate":
      return { kind: "accepted", runId, status: outcome.status };
    case "conflict":
      return idempotencyKeyReused();
    case "not_found":
      return notFound("run");
    case "ended":
      return refuse("run_ended", `The run is ${outcome.status} and takes nothing more; start another one.`);
    case "call_not_awaiting":
      return refuse("call_not_awaiting_approval", `The call is ${outcome.callStatus}; there is nothing to decide.`);
    case "inbox_full":
      return inboxFull();
    default:
      return outcome satisfies never;
  }
}
