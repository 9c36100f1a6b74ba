import type { UserMessage } from "@hsafa/protocol";
import type { Bell } from "../ports/bell.ts";
import type { Store } from "../ports/store.ts";
import { canonicalHash } from "./canonical-json.ts";
import { type InputAccepted, enqueueRunInput } from "./enqueue-run-input.ts";
import type { Principal } from "../access/principal.ts";
import type { Refusal } from "../access/refusal.ts";

/** Enqueues a message of the user. The run takes it before its next step. */
export function postMessage(
  deps: { readonly store: Store; readonly bell: Bell },
  principal: Principal,
  params: { readonly runId: string; readonly message: UserMessage; readonly idempotencyKey: string | undefined },
): Promise<InputAccepted | Refusal> {
  const { runId, message, idempotencyKey } = params;
  const dedupe =
    idempotencyKey === undefined ? null : { key: `message:${idempotencyKey}`, bodyHash: canonicalHash(message) };
  return enqueueRunInput(deps, principal, { runId, input: { kind: "message", message }, dedupe });
}
