import type { Scope } from "@hsafa/protocol";
import type { Principal } from "./principal.ts";

/**
 * Who may do what. A principal needs one of the scopes a call names, or `admin`. A token that names a run, a thread or
 * a device sees nothing else of the tenant: what lies outside is answered like what does not exist.
 */

/** Whether one of these scopes is held. */
export function hasScope(principal: Principal, anyOf: readonly Scope[]): boolean {
  return principal.scopes.includes("admin") || anyOf.some((scope) => principal.scopes.includes(scope));
}

/**
 * Whether a token names what it is for, and so sees nothing of the tenant at large (agents, devices, lists of calls).
 */
export function isBound(principal: Principal): boolean {
  return principal.runId !== undefined || principal.threadId !== undefined || principal.deviceKey !== undefined;
}

/** What of a run decides who sees it. */
export interface RunBounds {
  readonly id: string;
  readonly threadId: string | null;
  readonly deviceKey: string | null;
}

/**
 * Whether this run lies within the principal's bounds. A device key bounds runs only where no run and no thread is
 * named: a token for one run may name the device that its holder also is, wherever the run was started.
 */
export function mayAccessRun(principal: Principal, run: RunBounds): boolean {
  const { runId, threadId, deviceKey } = principal;
  if (runId !== undefined && runId !== run.id) return false;
  if (threadId !== undefined && threadId !== run.threadId) return false;
  if (runId !== undefined || threadId !== undefined || deviceKey === undefined) return true;
  return deviceKey === run.deviceKey;
}

/** Whether this thread lies within the principal's bounds. */
export function mayAccessThread(principal: Principal, threadId: string): boolean {
  return isBound(principal) ? principal.threadId === threadId && principal.runId === undefined : true;
}
