import { isId } from "@hsafa/protocol";
import { notFound, refuse } from "../access/refusal.ts";
import type { Principal } from "../access/principal.ts";
import { speaksForOperator } from "../access/reached-subject.ts";
import { maySeeRun } from "../access/run-visibility.ts";
import type { Bell } from "../ports/bell.ts";
import type { Store } from "../ports/store.ts";
import type { Uptake } from "../ports/uptake.ts";
import { type ReportedResult, type SubmittedResult, submitToolResult } from "./submit-tool-result.ts";

/** Submits the result of a call in a run that the principal sees. Refuses as `submitToolResult` does. */
export async function submitResultOverHttp(
  deps: { readonly store: Store; readonly bell: Bell; readonly uptake: Uptake },
  principal: Principal,
  params: { readonly runId: string; readonly callId: string; readonly answer: ReportedResult },
): Promise<SubmittedResult> {
  const { runId, callId, answer } = params;
  // One refusal for both, so that a run elsewhere cannot be told from a call that is not there (R10).
  if (!(await maySeeRun(deps, principal, runId))) return notFound("tool call in a run of this id");
  const { tenantId } = principal;
  if (!speaksForOperator(principal)) {
    // A user is neither the device nor the operator.
    const call = isId(callId) ? await deps.store.forTenant(tenantId).findCall({ callId }) : null;
    if (call === null || call.runId !== runId) return notFound("tool call in a run of this id");
    if (call.target !== "external") {
      return refuse(
        "forbidden",
        `The tool's target is '${call.target}'; a user answers calls of 'external' tools alone.`,
      );
    }
  }
  return submitToolResult(deps, { tenantId, callId, answer, from: { kind: "http", runId } });
}
