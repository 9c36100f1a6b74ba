import type { Page, ToolCall, ToolCallStatus } from "@hsafa/protocol";
import type { Principal } from "../access/principal.ts";
import { notFound, type Refusal } from "../access/refusal.ts";
import { maySeeRun } from "../access/run-visibility.ts";
import type { Store } from "../ports/store.ts";
import type { PageParams } from "../ports/tenant-store.ts";

/** Lists a run's tool calls, with the device, attempts and times of each. */
export async function listCallsOfRun(
  deps: { readonly store: Store },
  principal: Principal,
  params: { readonly runId: string } & PageParams,
): Promise<{ readonly kind: "found"; readonly page: Page<ToolCall> } | Refusal> {
  if (!(await maySeeRun(deps, principal, params.runId))) return notFound("run");
  const page = await deps.store.forTenant(principal.tenantId).listCallsOfRun(params);
  return page === null ? notFound("run") : { kind: "found", page };
}

/** Lists the tool calls of all runs, newest first. */
export function listCalls(
  { store }: { readonly store: Store },
  { tenantId }: Principal,
  params: PageParams & {
    readonly toolName: string | undefined;
    readonly deviceId: string | undefined;
    readonly status: ToolCallStatus | undefined;
  },
): Promise<Page<ToolCall>> {
  return store.forTenant(tenantId).listCalls(params);
}
