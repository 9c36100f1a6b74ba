import { isId } from "@hsafa/protocol";
import type { Store } from "../ports/store.ts";
import type { Principal } from "./principal.ts";

/** The properties of a run that decide who sees it. */
export interface RunBounds {
  readonly id: string;
  readonly threadId: string | null;
  readonly deviceKey: string | null;
}

/**
 * Whether this run lies within the principal's bounds. A device key bounds runs only where neither a run nor a thread
 * is named. A token for one run may also name its holder's device, wherever the run was started.
 */
export function mayAccessRun(principal: Principal, run: RunBounds): boolean {
  const { runId, threadId, deviceKey } = principal;
  if (runId !== undefined && runId !== run.id) return false;
  if (threadId !== undefined && threadId !== run.threadId) return false;
  if (runId !== undefined || threadId !== undefined || deviceKey === undefined) return true;
  return deviceKey === run.deviceKey;
}

/**
 * Whether this principal may see a run of this id, if there is one. False for a malformed id and for a run outside the
 * principal's bounds. True does not say that the run exists: the next statement finds that out. Only a token bound to a
 * thread or a device costs a query.
 */
export async function maySeeRun(
  deps: { readonly store: Store },
  principal: Principal,
  runId: string,
): Promise<boolean> {
  if (!isId(runId)) return false;
  if (principal.runId !== undefined && principal.runId !== runId) return false;
  const isNamed = principal.runId !== undefined;
  if (principal.threadId === undefined && (principal.deviceKey === undefined || isNamed)) return true;
  const run = await deps.store.forTenant(principal.tenantId).findRun({ runId });
  return run !== null && mayAccessRun(principal, run);
}
