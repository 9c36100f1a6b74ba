import { type Position } from "@hsafa/protocol";
import { storedAgentConfigSchema } from "@hsafa/protocol/schema";
import { THREAD_HISTORY_RUNS_MAX } from "../../../../ports/limits.ts";
import type { FleetStore, LoadedRun } from "../../../../ports/fleet-store.ts";
import { INBOX_COLUMNS, INBOX_PAGE, type InboxRow, inboxOf, dispatchContextOf } from "../../inbox-rows.ts";
import { tenantStatement } from "../../statement.ts";
import type { Sql } from "../../sql.ts";
import { RUN_WITH_MESSAGES } from "../../status-lists.ts";
import { threadLine } from "../../thread-line.ts";
import { firstFacts } from "./read-events.ts";

const LOAD_RUN = tenantStatement({
  name: "load-run",
  parameters: { runId: "uuid", epoch: "int" },
  text: `
select r.device_key, v.config_json::text as config,
  last.seq as last_seq, last.sub as last_sub,
  array(
    select id from (
      select e.id::text, line.place, e.thread_turn
      from threads t cross join lateral ${threadLine("r.thread_turn - 1")}
      join runs e on e.thread_id = line.id and e.thread_turn <= line.turns
      where t.id = r.thread_id and e.status in ${RUN_WITH_MESSAGES}
      order by line.place desc, e.thread_turn desc limit ${THREAD_HISTORY_RUNS_MAX}
    ) as newest order by place, thread_turn
  ) as earlier_run_ids,
  ${INBOX_COLUMNS}
from runs r
join agent_versions v on v.id = r.agent_version_id
cross join lateral (select seq, sub from run_events where run_id = r.id order by seq desc, sub desc limit 1) as last
${INBOX_PAGE}
where r.id = :runId and r.tenant_id = :tenantId and r.epoch = :epoch`,
});

interface Row extends InboxRow {
  readonly device_key: string | null;
  readonly config: string;
  readonly last_seq: number;
  readonly last_sub: number;
  readonly earlier_run_ids: readonly string[];
}

export async function loadRun(sql: Sql, params: Parameters<FleetStore["loadRun"]>[0]): Promise<LoadedRun | null> {
  const { tenantId, runId, epoch } = params;
  // The two statements may see two moments. Only the holder changes its facts, and the inbox is read with its counter.
  const [[row], facts] = await Promise.all([
    sql.query<Row>(LOAD_RUN({ tenantId, runId, epoch })),
    firstFacts(sql, { tenantId, runId }),
  ]);
  if (row === undefined) return null;
  const lastPosition: Position = { seq: row.last_seq, sub: row.last_sub };
  return {
    deviceKey: row.device_key,
    config: storedAgentConfigSchema.parse(JSON.parse(row.config)),
    facts,
    lastPosition,
    earlierRunIds: row.earlier_run_ids,
    inbox: inboxOf(row),
    dispatchContext: dispatchContextOf(row),
  };
}
