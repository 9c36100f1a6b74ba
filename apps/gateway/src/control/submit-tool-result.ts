import { isId, type JsonValue } from "@hsafa/protocol";
import { jsonFault } from "../access/json-faults.ts";
import { notFound, type Refusal, refuse } from "../access/refusal.ts";
import type { ToolOutcome } from "../core/input.ts";
import { JSON_DEPTH_MAX, TOOL_RESULT_BYTES_MAX } from "../core/limits.ts";
import type { Bell } from "../ports/bell.ts";
import type { Store } from "../ports/store.ts";
import type { SubmitResultOutcome } from "../ports/tenant-store.ts";
import { canonicalHash } from "./canonical-hash.ts";
import { inboxFull } from "./input-refusals.ts";

/** The result of a tool call, as its executor reports it: `error` if it failed, else `result`. */
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
 * Enqueues a tool's result as an input of its run. The first result of a call wins (R7). The same result again, with
 * its keys in any order, is a duplicate. Refuses with:
 *
 * - `invalid_request`, `payload_too_large`: this result can never be accepted; the call stays open;
 * - `result_conflict`: the call is settled otherwise, or (over HTTP) awaits an approval;
 * - `not_found`: the source has no such call;
 * - `too_many_requests`: send the same result again later.
 *
 * Rejects only with `StoreUnavailable`.
 */
export async function submitToolResult(
  deps: { readonly store: Store; readonly bell: Bell },
  params: {
    readonly tenantId: string;
    readonly callId: string;
    readonly answer: ReportedResult;
    readonly from: ResultSource;
  },
): Promise<SubmittedResult> {
  const { tenantId, callId, answer, from } = params;
  const outcome = outcomeOf(answer);
  const unfit = unfitness(answer, outcome);
  if (unfit !== null) return unfit;
  if (!isId(callId)) return noSuchCall(from);
  const bodyHash = canonicalHash(outcome as unknown as JsonValue);
  const submitted = await deps.store.forTenant(tenantId).submitToolResult({ callId, outcome, bodyHash, from });
  if (submitted.kind === "accepted") deps.bell.ring({ about: "run", runId: submitted.runId });
  return submittedResult(submitted, from);
}

function outcomeOf({ result, error }: ReportedResult): ToolOutcome {
  if (error === undefined) return { kind: "completed", result: result ?? null };
  return { kind: "failed", error: { code: error.code ?? "tool_error", message: error.message } };
}

/** Refuses a result that the store cannot keep. The check of its JSON comes first: `stringify` recurses. */
function unfitness(answer: ReportedResult, outcome: ToolOutcome): Refusal | null {
  const fault = jsonFault(answer.result ?? answer.error ?? null, JSON_DEPTH_MAX);
  if (fault !== null) {
    const where = fault.path === "" ? "The result" : `The result, at '${fault.path}',`;
    return refuse("invalid_request", `${where} ${fault.message}.`);
  }
  if (Buffer.byteLength(JSON.stringify(outcome)) <= TOOL_RESULT_BYTES_MAX) return null;
  return refuse(
    "payload_too_large",
    `The result is larger than ${TOOL_RESULT_BYTES_MAX} bytes; answer with less, or with an error.`,
  );
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
