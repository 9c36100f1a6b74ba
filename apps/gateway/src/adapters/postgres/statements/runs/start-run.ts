import { isId, type RunStatus } from "@hsafa/protocol";
import { v7 } from "uuid";
import { firstFacts } from "../../../../core/first-facts.ts";
import type { StartOutcome, TenantStore } from "../../../../ports/tenant-store.ts";
import { eventArrays, eventArraysFrom, millis, time } from "../../event-rows.ts";
import { repeatOnUniqueViolation, type Sql } from "../../sql.ts";
import { createThread } from "../threads/create-thread.ts";

/**
 * The facts carry ids in their payload, which is serialised once, here: so what the request names is looked up first.
 */
const RESOLVE_START = {
  name: "resolve-start",
  text: `
with agent as (
  select id, current_version_id from agents where tenant_id = $1::uuid and (id = $2::uuid or name = $3)
)
select floor(${millis("now()")}) as now,
  (select id::text from agent) as agent_id,
  (
    select v.id::text from agent a join agent_versions v on v.agent_id = a.id
    where v.id = coalesce($4::uuid, a.current_version_id)
  ) as version_id,
  coalesce(
    (select id::text from threads where tenant_id = $1::uuid and id = $5::uuid),
    (select id::text from threads where tenant_id = $1::uuid and key = $6)
  ) as thread_id,
  e.id::text as earlier_id, e.status as earlier_status, e.idempotency_hash as earlier_hash
from (select) as one
left join runs e on e.tenant_id = $1::uuid and e.idempotency_key = $7`,
};

interface Resolved {
  readonly now: number;
  readonly agent_id: string | null;
  readonly version_id: string | null;
  readonly thread_id: string | null;
  readonly earlier_id: string | null;
  readonly earlier_status: RunStatus | null;
  readonly earlier_hash: string | null;
}

/**
 * The thread's row gives the run its turn and says whether another is open. An end takes the same row, so of the two
 * the later one sees the other: either the run is due at once, or the end finds it and wakes it.
 */
const INSERT_RUN = {
  name: "insert-run",
  text: `
with thread as (
  update threads set turns = turns + 1, open_runs = open_runs + 1
  where id = $5::uuid and tenant_id = $1::uuid
  returning id, turns, open_runs
),
run as (
  insert into runs (
    id, tenant_id, agent_id, agent_version_id, thread_id, thread_turn, device_key, metadata,
    idempotency_key, idempotency_hash, status, wake_at, last_seq, usage, created_at
  )
  select $2::uuid, $1::uuid, $3::uuid, $4::uuid, thread.id, thread.turns, $6, $7::text::json,
    $8, $9, 'queued', case when coalesce(thread.open_runs, 1) = 1 then now() end, $10::int, '{}', ${time("$11")}
  from (select) as one left join thread on true
  returning id, tenant_id
)
insert into run_events (tenant_id, run_id, seq, sub, prev_seq, prev_sub, type, payload, created_at)
select run.tenant_id, run.id, e.seq, e.sub, e.prev_seq, e.prev_sub, e.type, e.payload::json, ${time("e.ts")}
from run, ${eventArraysFrom(12)}`,
};

type Params = Parameters<TenantStore["startRun"]>[0];

export function startRun(sql: Sql, tenantId: string, params: Params): Promise<StartOutcome> {
  // Of two requests with one idempotency key the second collides over it, is done again and finds the first one's run.
  return repeatOnUniqueViolation(() => tryStart(sql, tenantId, params));
}

async function tryStart(sql: Sql, tenantId: string, params: Params): Promise<StartOutcome> {
  const { runId, agent, versionId, threadId, deviceKey, metadata, idempotency } = params;
  const [found] = await sql.query<Resolved>(RESOLVE_START, [
    tenantId,
    isId(agent) ? agent : null,
    agent,
    versionId ?? null,
    threadId !== undefined && isId(threadId) ? threadId : null,
    threadId ?? null,
    idempotency?.key ?? null,
  ]);
  if (found === undefined) throw new Error("looking up always answers with a row");
  if (found.earlier_id !== null && found.earlier_status !== null) {
    return found.earlier_hash === idempotency?.bodyHash
      ? { kind: "started", runId: found.earlier_id, status: found.earlier_status, created: false }
      : { kind: "idempotency_conflict" };
  }
  if (found.agent_id === null) return { kind: "agent_not_found" };
  if (found.version_id === null) return { kind: "version_not_found" };
  const thread = await findOrMakeThread(sql, tenantId, threadId, found.thread_id);
  if (thread === undefined) return { kind: "thread_not_found" };

  const ids = { agentId: found.agent_id, versionId: found.version_id, threadId: thread };
  const facts = firstFacts({ ...params, ...ids, now: found.now });
  await sql.query(INSERT_RUN, [
    tenantId,
    runId,
    ids.agentId,
    ids.versionId,
    thread,
    deviceKey,
    JSON.stringify(metadata),
    idempotency?.key ?? null,
    idempotency?.bodyHash ?? null,
    facts.length,
    found.now,
    ...eventArrays(facts),
  ]);
  return { kind: "started", runId, status: "queued", created: true };
}

/**
 * The thread a request names: its id, null for none, undefined for one that is not there. A client's own key makes its
 * thread.
 */
async function findOrMakeThread(
  sql: Sql,
  tenantId: string,
  wanted: string | undefined,
  found: string | null,
): Promise<string | null | undefined> {
  if (wanted === undefined) return null;
  if (found !== null) return found;
  if (isId(wanted)) return undefined;
  const { thread } = await createThread(sql, tenantId, { threadId: v7(), key: wanted, metadata: {} });
  return thread.id;
}
