import { isId, type JsonValue } from "@hsafa/protocol";
import type { ToolOutcome } from "../core/input.ts";
import { JSON_DEPTH_MAX, TOOL_RESULT_BYTES_MAX } from "../core/limits.ts";
import type { Bell } from "../ports/bell.ts";
import type { Store } from "../ports/store.ts";
import type { SubmitResultOutcome } from "../ports/tenant-store.ts";
import { canonicalHash } from "./canonical-hash.ts";
import { jsonFault } from "../access/json-faults.ts";

/** What whoever executed a tool says of it. */
export interface ReportedResult {
  readonly result?: JsonValue | undefined;
  readonly error?: { readonly message: string; readonly code?: string | undefined } | undefined;
}

export type SubmittedResult =
  | SubmitResultOutcome
  /** It can never be taken; the call stays open for less, or for an error. `reason` may be shown. */
  | { readonly kind: "unfit"; readonly code: "payload_too_large" | "invalid_request"; readonly reason: string };

/**
 * Leaves a tool's result with its run, from a device or over HTTP. The first result of a call wins (R7); the same
 * again, in any key order, is a repeat.
 */
export async function submitToolResult(
  deps: { readonly store: Store; readonly bell: Bell },
  params: {
    readonly tenantId: string;
    readonly callId: string;
    readonly answer: ReportedResult;
    readonly from:
      | { readonly kind: "device"; readonly deviceId: string }
      | { readonly kind: "http"; readonly runId: string };
  },
): Promise<SubmittedResult> {
  const { tenantId, callId, answer, from } = params;
  const fault = jsonFault(answer.result ?? answer.error ?? null, JSON_DEPTH_MAX);
  if (fault !== null) {
    const where = fault.path === "" ? "The result" : `The result, at '${fault.path}',`;
    return { kind: "unfit", code: "invalid_request", reason: `${where} ${fault.message}.` };
  }
  const outcome = outcomeOf(answer);
  if (Buffer.byteLength(JSON.stringify(outcome)) > TOOL_RESULT_BYTES_MAX) {
    const reason = `The result is larger than ${TOOL_RESULT_BYTES_MAX} bytes; answer with less, or with an error.`;
    return { kind: "unfit", code: "payload_too_large", reason };
  }
  if (!isId(callId)) return { kind: "not_found" };
  const bodyHash = canonicalHash(outcome as unknown as JsonValue);
  const submitted = await deps.store.forTenant(tenantId).submitToolResult({ callId, outcome, bodyHash, from });
  if (submitted.kind === "accepted") deps.bell.ring({ about: "run", runId: submitted.runId });
  return submitted;
}

function outcomeOf({ result, error }: ReportedResult): ToolOutcome {
  if (error === undefined) return { kind: "completed", result: result ?? null };
  return { kind: "failed", error: { code: error.code ?? "tool_error", message: error.message } };
}
