import type { InputMessage, JsonValue, RunStatus, StartRunBody, UserMessage } from "@hsafa/protocol";
import type { Bell } from "../ports/bell.ts";
import type { Clock } from "../ports/clock.ts";
import type { Store } from "../ports/store.ts";
import { canonicalHash } from "./canonical-json.ts";
import { idempotencyKeyReused } from "./input-refusals.ts";
import type { Principal } from "../access/principal.ts";
import { notFound, type Refusal, refuse } from "../access/refusal.ts";

export type RunStarted =
  | { readonly kind: "started"; readonly runId: string; readonly status: RunStatus; readonly created: boolean }
  | Refusal;

/**
 * Commits a run and rings for the gateways that may claim it. `created` is false if the idempotency key found an
 * earlier run. The first facts are not put into the live log: no client knows the run's id yet, and every watcher
 * begins with the store.
 */
export async function startRun(
  deps: { readonly store: Store; readonly bell: Bell; readonly clock: Clock },
  principal: Principal,
  params: { readonly request: StartRunBody; readonly idempotencyKey: string | undefined },
): Promise<RunStarted> {
  const { request, idempotencyKey } = params;
  if (principal.runId !== undefined)
    return refuse("forbidden", "The token is bound to one run; start runs with a key.");
  if (principal.threadId !== undefined && (request.threadId ?? principal.threadId) !== principal.threadId) {
    return notFound("thread");
  }
  if (principal.deviceKey !== undefined && (request.deviceKey ?? principal.deviceKey) !== principal.deviceKey) {
    return refuse("forbidden", "The token is bound to another device key; leave 'deviceKey' out, or use its own.");
  }
  const { earlier, messages } = splitInput(request.input);
  if (messages.length === 0) {
    const fault = { path: "input", message: "must end with a message of role 'user'" };
    return refuse("invalid_request", "The input says nothing new; see 'errors'.", [fault]);
  }
  const outcome = await deps.store.forTenant(principal.tenantId).startRun({
    runId: deps.clock.newId(),
    agent: request.agent,
    versionId: request.versionId,
    threadId: request.threadId ?? principal.threadId,
    earlier,
    messages,
    deviceKey: request.deviceKey ?? principal.deviceKey ?? null,
    metadata: request.metadata ?? {},
    idempotency:
      idempotencyKey === undefined
        ? null
        : { key: idempotencyKey, bodyHash: canonicalHash(request as unknown as JsonValue) },
  });
  switch (outcome.kind) {
    case "started": {
      const { runId, status, created } = outcome;
      if (created) deps.bell.ring({ about: "run", runId });
      return { kind: "started", runId, status, created };
    }
    case "agent_not_found":
      return notFound("agent");
    case "version_not_found":
      return notFound("version of this agent");
    case "thread_not_found":
      return notFound("thread");
    case "idempotency_conflict":
      return idempotencyKeyReused();
    default:
      return outcome satisfies never;
  }
}

/**
 * Divides an input into what was said earlier and what is said now. The user's messages at its end are said now;
 * everything before them was said earlier.
 */
export function splitInput(input: string | readonly InputMessage[]): {
  readonly earlier: readonly InputMessage[];
  readonly messages: readonly UserMessage[];
} {
  if (typeof input === "string") return { earlier: [], messages: [{ role: "user", content: input }] };
  const firstNew = input.findLastIndex((message) => message.role !== "user") + 1;
  const messages = input.slice(firstNew).filter((message): message is UserMessage => message.role === "user");
  return { earlier: input.slice(0, firstNew), messages };
}
