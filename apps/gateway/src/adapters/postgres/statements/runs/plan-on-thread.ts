import type { StartPolicy } from "@hsafa/protocol";
import { type OpenRun, planStart, type StartPlan } from "../../../../core/plan-start.ts";
import type { TenantId } from "../../../../core/tenant-id.ts";
import type { TenantSql } from "../../sql.ts";
import { tenantStatement } from "../../statement.ts";
import { OPEN_RUN } from "../../status-lists.ts";

/** The open runs of a thread in the order of their turns, and how many turns it has had, as of one moment. */
const READ_OPEN_RUNS = tenantStatement({
  name: "read-open-runs",
  parameters: { threadId: "uuid" },
  text: `
select turns, (
  select coalesce(json_agg(json_build_object('runId', id, 'agentId', agent_id) order by thread_turn), '[]')::text
  from runs r where r.thread_id = t.id and r.tenant_id = t.tenant_id and r.status in ${OPEN_RUN}
) as open
from threads t where t.id = :threadId and t.tenant_id = :tenantId and t.deleted_at is null`,
});

interface Planned {
  readonly plan: StartPlan;
  /** The turns that the thread must have had for the plan to hold; null: it holds whatever comes between. */
  readonly turns: number | null;
}

/** Plans a start on its thread, if it is on one. Null: the thread is gone. */
export async function planOnThread(
  sql: TenantSql,
  tenantId: TenantId,
  params: { readonly threadId: string | null; readonly agentId: string; readonly policy: StartPolicy },
): Promise<Planned | null> {
  const { threadId, agentId, policy } = params;
  // Whatever runs are open, the run takes its turn after them.
  if (threadId === null || policy === "queue") return { plan: planStart("queue", [], agentId), turns: null };
  const [thread] = await sql.query<{ turns: number; open: string }>(READ_OPEN_RUNS({ tenantId, threadId }));
  if (thread === undefined) return null;
  return { plan: planStart(policy, JSON.parse(thread.open) as OpenRun[], agentId), turns: thread.turns };
}
