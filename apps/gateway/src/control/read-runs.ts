import { isId, type Page, type Run, type RunStatus, type ToolCall, type ToolCallStatus } from "@hsafa/protocol";
import type { Store } from "../ports/store.ts";
import type { PageParams } from "../ports/tenant-store.ts";
import { isBound } from "../access/bounds.ts";
import type { Principal } from "../access/principal.ts";
import { notFound, type Refusal, refuse } from "../access/refusal.ts";
import { mayAccessRun, maySeeRun } from "../access/run-visibility.ts";

interface Deps {
  readonly store: Store;
}

/** One run. */
export async function findRun(
  { store }: Deps,
  principal: Principal,
  runId: string,
): Promise<{ readonly kind: "found"; readonly run: Run } | Refusal> {
  const run = isId(runId) ? await store.forTenant(principal.tenantId).findRun({ runId }) : null;
  return run === null || !mayAccessRun(principal, run) ? notFound("run") : { kind: "found", run };
}

/**
 * Runs, newest first. A bound token lists the runs of its thread, or its one run; one for a device alone has no list of
 * its own.
 */
export async function listRuns(
  { store }: Deps,
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

/** A run's tool calls, with the device, attempts and times of each. */
export async function listCallsOfRun(
  deps: Deps,
  principal: Principal,
  params: { readonly runId: string } & PageParams,
): Promise<{ readonly kind: "found"; readonly page: Page<ToolCall> } | Refusal> {
  if (!(await maySeeRun(deps, principal, params.runId))) return notFound("run");
  const page = await deps.store.forTenant(principal.tenantId).listCallsOfRun(params);
  return page === null ? notFound("run") : { kind: "found", page };
}

/** Tool calls of all runs, newest first: which device executed tool X? */
export function listCalls(
  { store }: Deps,
  { tenantId }: Principal,
  params: PageParams & {
    readonly toolName: string | undefined;
    readonly deviceId: string | undefined;
    readonly status: ToolCallStatus | undefined;
  },
): Promise<Page<ToolCall>> {
  return store.forTenant(tenantId).listCalls(params);
}
