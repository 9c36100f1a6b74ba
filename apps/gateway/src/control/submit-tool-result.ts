import { isId, type JsonValue } from "@hsafa/protocol";
import { notFound, type Refusal, refuse } from "../access/refusal.ts";
import type { ToolOutcome } from "../core/input.ts";
import { TOOL_RESULT_BYTES_MAX } from "../core/limits.ts";
import type { Bell } from "../ports/bell.ts";
import { toolResultInput } from "../ports/inbox.ts";
import type { Store } from "../ports/store.ts";
import type { SubmitResultOutcome } from "../ports/tenant-store.ts";
import type { Uptake } from "../ports/uptake.ts";
import { canonicalJson, sha256 } from "../core/canonical-json.ts";
import { inboxFull } from "./input-refusals.ts";
import type { TenantId } from "../core/tenant-id.ts";

/**
 * The result of a tool call, as its executor reports it: `error` if it failed, else `result`. The edge has read it as
 * JSON and refused what has no canonical form (`jsonFault`).
 */
export interface ReportedResult {
  readonly result?: JsonValue | undefined;
  readonly error?: { readonly message: string; readonly code?: string | undefined } | undefined;
}

/** Who submits a result: a device that was sent the call, or a client that names the call's run. */
export type ResultSource =
  | { readonly kind: "device"; readonly deviceId: string }
  | { readonly kind: "http"; readonly runId: string };

/** `duplicate`: the same result was accepted before. */
export type SubmittedResult = { readonly kind: "accepted"; readonly duplicate: boolean } | Refusal;

/**
 * Enqueues a tool's result as an input of its run, which this gateway takes up at once where it can. The first result
 * of a call wins (R7). The same result again, with its keys in any order, is a duplicate. Refuses with:
 *
 * - `payload_too_large`: this result can never be accepted; the call stays open for a smaller one, or for an error;
 * - `result_conflict`: the call is settled otherwise, or (over HTTP) awaits an approval;
 * - `not_found`: the source has no such call;
 * - `too_many_requests`: send the same result again later.
 *
 * Rejects only with `StoreUnavailable`.
 */
export async function submitToolResult(
  deps: { readonly store: Store; readonly bell: Bell; readonly uptake: Uptake },
  params: {
    readonly tenantId: TenantId;
    readonly callId: string;
    readonly answer: ReportedResult;
    readonly from: ResultSource;
  },
): Promise<SubmittedResult> {
  const { tenantId, callId, answer, from } = params;
  const outcome = outcomeOf(answer);
  const text = canonicalJson(outcome as unknown as JsonValue);
  if (Buffer.byteLength(text) > TOOL_RESULT_BYTES_MAX) {
    const detail = `The result is larger than ${TOOL_RESULT_BYTES_MAX} bytes; answer with less, or with an error.`;
    return refuse("payload_too_large", detail);
  }
  if (!isId(callId)) return noSuchCall(from);
  const store = deps.store.forTenant(tenantId);
  // A device names no run, and whether it may answer the call only the store knows.
  const about = from.kind === "http" ? { runId: from.runId, input: toolResultInput({ callId, outcome, from }) } : null;
  const submitted = await deps.uptake.answer(tenantId, about, (offer) =>
    store.submitToolResult({ callId, outcome, bodyHash: sha256(text), from, offer }),
  );
  if (submitted.kind === "accepted" && submitted.taken === null)
    deps.bell.ring({ about: "run", runId: submitted.runId });
  return submittedResult(submitted, from);
}

function outcomeOf({ result, error }: ReportedResult): ToolOutcome {
  if (error === undefined) return { kind: "completed", result: result ?? null };
  return { kind: "failed", error: { code: error.code ?? "tool_error", message: error.message } };
}

function submittedResult(submitted: SubmitResultOutcome, from: ResultSource): SubmittedResult {
  switch (submitted.kind) {
    case "accepted":
    case "duplicate":
      return { kind: "accepted", duplicate: submitted.kind === "duplicate" };
    case "conflict":
      return refuse("result_conflict", `The call is ${submitted.status}, with another outcome than this one.`);
    case "not_found":
      return noSuchCall(from);
    case "not_dispatched":
      // A call that awaits an approval was sent to no device.
      if (from.kind === "device") return noSuchCall(from);
      return refuse("result_conflict", "The call awaits an approval; decide it first.");
    case "inbox_full":
      return inboxFull();
    default:
      return submitted satisfies never;
  }
}

function noSuchCall(from: ResultSource): Refusal {
  if (from.kind === "device") return refuse("not_found", "There is no such call that was sent to this device.");
  return notFound("tool call in a run of this id");
}
