import type { RunStatus } from "@hsafa/protocol";
import type { OutsideInput } from "../core/input.ts";
import type { Bell } from "../ports/bell.ts";
import type { Store } from "../ports/store.ts";
import { idempotencyKeyReused, inboxFull, messagesFull } from "./input-refusals.ts";
import { actorOf } from "../access/actor-of.ts";
import type { Principal } from "../access/principal.ts";
import { notFound, type Refusal, refuse } from "../access/refusal.ts";

export interface InputAccepted {
  readonly kind: "accepted";
  readonly runId: string;
  readonly status: RunStatus;
}

/** An input of a run that is not a result, and what makes a second one the same. */
export interface RunInputParams {
  readonly runId: string;
  readonly input: Exclude<OutsideInput, { kind: "tool_result" | "steer" }>;
  readonly dedupe: { readonly key: string; readonly bodyHash: string } | null;
  /** Until when it may come, by the store's time in ms. Left out: at any time. */
  readonly until?: number;
}

/** Enqueues an input of a run that the principal may see, and rings for its holder (R5). */
export async function enqueueSeenInput(
  deps: { readonly store: Store; readonly bell: Bell },
  principal: Principal,
  params: RunInputParams,
): Promise<InputAccepted | Refusal> {
  const { runId } = params;
  const outcome = await deps.store.forTenant(principal.tenantId).enqueueInput({ ...params, by: actorOf(principal) });
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
    case "messages_full":
      return messagesFull();
    default:
      return outcome satisfies never;
  }
}
