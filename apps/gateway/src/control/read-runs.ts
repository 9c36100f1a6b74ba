import { isId, type Page, type Run, type RunStatus } from "@hsafa/protocol";
import { isBound } from "../access/bounds.ts";
import type { Principal } from "../access/principal.ts";
import { notFound, type Refusal, refuse } from "../access/refusal.ts";
import { mayAccessRun } from "../access/run-visibility.ts";
import type { Store } from "../ports/store.ts";
import type { PageParams } from "../ports/tenant-store.ts";

/** Finds one run. */
export async function findRun(
  { store }: { readonly store: Store },
  principal: Principal,
  runId: string,
): Promise<{ readonly kind: "found"; readonly run: Run } | Refusal> {
  const run = isId(runId) ? await store.forTenant(principal.tenantId).findRun({ runId }) : null;
  return run === null || !mayAccessRun(principal, run) ? notFound("run") : { kind: "found", run };
}

/**
 * Lists runs, newest first. A token for a thread lists the runs of that thread. A token for one run or for a device has
 * no list.
 */
export async function listRuns(
  { store }: { readonly store: Store },
  principal: Principal,
  params: PageParams & {
    readonly status: RunStatus | undefined;
    readonly agent: string | undefined;
    readonly threadId: string | undefined;
  },
): Promise<{ readonly kind: "found"; readonly page: Page<Run> } | Refusal> {
  const { runId, threadId } = principal;
  if (runId !== undefined || (threadId === undefined && isBound(principal))) {
    return refuse("forbidden", "The token is bound to less than a list; read its run by id.");
  }
  if (threadId !== undefined && params.threadId !== undefined && params.threadId !== threadId)
    return notFound("thread");
  const page = await store.forTenant(principal.tenantId).listRuns({ ...params, threadId: params.threadId ?? threadId });
  return { kind: "found", page };
}
