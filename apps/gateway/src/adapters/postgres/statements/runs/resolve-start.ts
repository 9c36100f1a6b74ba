import type { RunStatus } from "@hsafa/protocol";
import { THREAD_HISTORY_RUNS_MAX } from "../../../../ports/limits.ts";
import { firstId } from "../../first-id.ts";
import { namedThread } from "../../named-thread.ts";
import { startedUnder } from "../../started-under.ts";
import { RUN_WITH_MESSAGES } from "../../status-lists.ts";
import { threadLine } from "../../thread-line.ts";
import { tenantStatement } from "../../statement.ts";
import { millis } from "../../times.ts";

/**
 * What the request names is looked up first: the first facts carry the ids, and are serialised once, here. A run that
 * may be born with its lease is also told which ended runs it sees. That holds until the thread has another turn.
 */
export const RESOLVE_START = tenantStatement({
  name: "resolve-start",
  parameters: {
    agentId: "uuid?",
    agentName: "text",
    versionId: "uuid?",
    threadId: "uuid?",
    threadKey: "text?",
    subject: "text?",
    idempotencyKey: "text?",
    idempotencyOwner: "text?",
    orUnowned: "bool",
    isOffered: "bool",
  },
  text: `
with agent as (
  select id, current_version_id from agents
  where id = ${firstId("agents", ["id = :agentId", "name = :agentName"])} and tenant_id = :tenantId
),
version as (
  -- As a text: Postgres reads no field of a JSON value that holds the character 0 or half a pair anywhere.
  select v.id, v.config_json::text as config
  from agent a join agent_versions v on v.agent_id = a.id
  where v.id = case when :versionId is null then a.current_version_id else :versionId end
),
thread as (
  select t.id, t.turns, t.open_runs, t.ancestor_ids, t.ancestor_turns from threads t
  where t.id = ${namedThread({ id: ":threadId", key: ":threadKey", subject: ":subject" })} and t.tenant_id = :tenantId
)
select floor(${millis("now()")}) as now,
  (select id::text from agent) as agent_id,
  (select id::text from version) as version_id,
  (select config from version) as config,
  (select id::text from thread) as thread_id,
  (select turns from thread) as thread_turns,
  (
    select array(
      select id from (
        select e.id::text, line.place, e.thread_turn
        from ${threadLine("t.turns")}
        join runs e on e.thread_id = line.id and e.thread_turn <= line.turns
        where e.status in ${RUN_WITH_MESSAGES}
        order by line.place desc, e.thread_turn desc limit ${THREAD_HISTORY_RUNS_MAX}
      ) as newest order by place, thread_turn
    )
    from thread t where :isOffered and t.open_runs = 0
  ) as earlier_run_ids,
  e.id::text as earlier_id, e.status as earlier_status, e.idempotency_hash as earlier_hash
from (select) as one
left join lateral (
  select * from runs
  where ${startedUnder({ key: ":idempotencyKey", owner: ":idempotencyOwner" })}
  order by idempotency_owner
  limit 1
) as e on true`,
});

/** What the request of a start names; null: it is not there. */
export interface Resolved {
  readonly now: number;
  readonly agent_id: string | null;
  readonly version_id: string | null;
  readonly config: string | null;
  readonly thread_id: string | null;
  readonly thread_turns: number | null;
  /** Null: the run is not to be born with its lease, or other runs of its thread are open. */
  readonly earlier_run_ids: readonly string[] | null;
  readonly earlier_id: string | null;
  readonly earlier_status: RunStatus | null;
  readonly earlier_hash: string | null;
}
