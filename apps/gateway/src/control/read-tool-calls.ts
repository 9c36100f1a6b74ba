import type { Page, ToolCall, ToolCallStatus } from "@hsafa/protocol";
import { listedSubject } from "../access/listed-subject.ts";
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

/** Lists the tool calls of all runs that the principal reaches, newest first. */
export async function listCalls(
  { store }: { readonly store: Store },
  principal: Principal,
  params: PageParams & {
    readonly toolName: string | undefined;
    readonly deviceId: string | undefined;
    readonly status: ToolCallStatus | undefined;
    readonly subject: string | undefined;
  },
): Promise<Page<ToolCall>> {
  const listed = listedSubject(principal, params.subject);
  if (listed === null) return { data: [], nextCursor: null };
  return store.forTenant(principal.tenantId).listCalls({ ...params, ...listed });
}
