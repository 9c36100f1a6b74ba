import type { Thread } from "@hsafa/protocol";
import type { Principal } from "../access/principal.ts";
import { reachesThreadOf } from "../access/find-thread.ts";
import { notFound, type Refusal, refuse } from "../access/refusal.ts";
import { branchTooDeep } from "./input-refusals.ts";
import { mayAccessRun } from "../access/run-visibility.ts";
import { speaksForOperator } from "../access/reached-subject.ts";
import type { RunBounds, TenantStore } from "../ports/tenant-store.ts";
import type { BranchOutcome } from "../ports/tenant-threads.ts";

/** The run from which a thread is to go on, if the principal reaches it and its thread, which a branch shows. */
export async function originOf(
  store: TenantStore,
  principal: Principal,
  runId: string,
): Promise<{ readonly kind: "found"; readonly run: RunBounds } | Refusal> {
  const run = await store.findRunBounds({ runId });
  if (run === null || !mayAccessRun(principal, run)) return notFound("run");
  if (!(await reachesThreadOf(store, principal, run))) return notFound("run");
  if (run.threadId !== null) return { kind: "found", run };
  const fault = { path: "fromRunId", message: "must be a run of a thread" };
  return refuse("invalid_request", "The run is on no thread, so there is nothing to go on from.", [fault]);
}

/** Whose the branch is: that of its maker, or of the run for an operator who names nobody. */
export function subjectOfBranch(
  principal: Principal,
  run: RunBounds,
  owner: { readonly subject: string | null; readonly isNamed: boolean },
): string | null {
  return speaksForOperator(principal) && !owner.isNamed ? run.subject : owner.subject;
}

/** What a branch came to, for its maker. */
export function branched(
  outcome: BranchOutcome,
): { readonly kind: "thread"; readonly thread: Thread; readonly created: boolean } | Refusal {
  switch (outcome.kind) {
    case "thread":
      return outcome;
    case "not_found":
      return notFound("run");
    case "not_ended":
      return refuse("run_not_ended", `The run is ${outcome.status}; a thread goes on from the end of a run.`);
    case "merged":
      return refuse("run_ended", "The messages of the run have entered another one; go on from that ('mergedInto').");
    case "key_taken":
      return refuse("name_taken", "Another thread has this key; choose one that is free.");
    case "too_deep":
      return branchTooDeep("fromRunId");
    default:
      return outcome satisfies never;
  }
}
