import { isId } from "@hsafa/protocol";
import type { Store } from "../ports/store.ts";
import type { RunBounds } from "../ports/tenant-store.ts";
import type { Principal } from "./principal.ts";
import { reaches, speaksForOperator } from "./reached-subject.ts";

/**
 * Whether the principal reaches this run: it is named, or it is of the principal's subject.
 *
 * 1. A token that names a run or a thread reaches that, also if it is another user's, and nothing else. A token for one
 *    run may also name its holder's device, wherever the run was started.
 * 2. A device that is named, and no run or thread, stands for the runs that started from it. Those of another user did
 *    so before the device was this user's.
 * 3. Who reaches a run reaches its children, and theirs.
 */
export function mayAccessRun(principal: Principal, run: RunBounds): boolean {
  const { runId, threadId, deviceKey } = principal;
  if (runId !== undefined && runId !== run.id && runId !== run.rootRunId) return false; // 3.
  if (threadId !== undefined && threadId !== run.threadId && threadId !== run.rootThreadId) return false; // 3.
  if (runId !== undefined || threadId !== undefined) return true; // 1.
  if (deviceKey === undefined) return reaches(principal, run.subject);
  return deviceKey === run.deviceKey && (run.subject === null || reaches(principal, run.subject)); // 2.
}

/**
 * Whether this principal may see a run of this id, if there is one. False for a malformed id and for a run outside the
 * principal's reach. True does not say that the run exists: the next statement finds that out. An operator's key and a
 * token for one run cost no query.
 */
export async function maySeeRun(
  deps: { readonly store: Store },
  principal: Principal,
  runId: string,
): Promise<boolean> {
  if (!isId(runId)) return false;
  const isNamed = principal.runId === runId && principal.threadId === undefined;
  if (isNamed || speaksForOperator(principal)) return true;
  const run = await deps.store.forTenant(principal.tenantId).findRunBounds({ runId });
  return run !== null && mayAccessRun(principal, run);
}
