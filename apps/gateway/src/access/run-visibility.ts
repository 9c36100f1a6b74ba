import { isId } from "@hsafa/protocol";
import type { Store } from "../ports/store.ts";
import { mayAccessRun } from "./access-rules.ts";
import type { Principal } from "./principal.ts";

/**
 * Whether a run may be there for this principal: false for a malformed id and for a run outside a token's bounds. True
 * promises nothing about its existence, which the store answers with what is asked next; only a token bound to a thread
 * or a device costs a query.
 */
export async function maySeeRun(
  deps: { readonly store: Store },
  principal: Principal,
  runId: string,
): Promise<boolean> {
  if (!isId(runId)) return false;
  if (principal.runId !== undefined && principal.runId !== runId) return false;
  if (principal.threadId === undefined && (principal.deviceKey === undefined || principal.runId !== undefined))
    return true;
  const run = await deps.store.forTenant(principal.tenantId).findRun({ runId });
  return run !== null && mayAccessRun(principal, run);
}
