import type { Sql } from "../../sql.ts";
import { OPEN_RUN } from "../../status-lists.ts";

/**
 * The run whose turn it is in a thread becomes due, if it was never claimed. A statement of its own after the commit
 * that ended the run before it: a statement sees only what was there when it began, and the next run may have been made
 * while the commit waited for a lock. The sweep does the same for a gateway that dies in between.
 */
const WAKE_THREAD = {
  name: "wake-thread",
  text: `
update runs set wake_at = coalesce(wake_at, now())
where tenant_id = $1::uuid and epoch = 0 and id = (
  select id from runs
  where thread_id = $2::uuid and status in ${OPEN_RUN}
  order by thread_turn limit 1
)
returning id::text`,
};

export async function wakeThread(sql: Sql, params: { tenantId: string; threadId: string }): Promise<string[]> {
  const rows = await sql.query<{ id: string }>(WAKE_THREAD, [params.tenantId, params.threadId]);
  return rows.map((row) => row.id);
}
