import { tenantStatement } from "../../statement.ts";
import type { Sql } from "../../sql.ts";
import { OPEN_RUN } from "../../status-lists.ts";
import type { TenantId } from "../../../../core/tenant-id.ts";

/**
 * Makes the run whose turn it is in a thread due, if it was never claimed. This is a statement of its own after the
 * commit that ended the run before it. A statement sees only what was there when it began, and the next run may have
 * been made while the commit waited for a lock. The sweep does the same for a gateway that dies in between.
 */
const WAKE_THREAD = tenantStatement({
  name: "wake-thread",
  parameters: { threadId: "uuid" },
  text: `
update runs set wake_at = coalesce(wake_at, now())
where tenant_id = :tenantId and epoch = 0 and id = (
  select id from runs
  where thread_id = :threadId and status in ${OPEN_RUN}
  order by thread_turn limit 1
)
returning id::text`,
});

export async function wakeThread(
  sql: Sql,
  params: { readonly tenantId: TenantId; readonly threadId: string },
): Promise<string[]> {
  const rows = await sql.query<{ id: string }>(WAKE_THREAD(params));
  return rows.map((row) => row.id);
}
