import { isId, type RunStatus } from "@hsafa/protocol";
import { v7 } from "uuid";
import { firstFacts } from "../../../../core/first-facts.ts";
import type { StartOutcome, TenantStore } from "../../../../ports/tenant-store.ts";
import { EVENT_PARAMETERS, EVENTS, eventValues } from "../../event-rows.ts";
import { millis, time } from "../../times.ts";
import { tenantStatement } from "../../statement.ts";
import { repeatOnUniqueViolation, type Sql } from "../../sql.ts";
import { createThread } from "../threads/create-thread.ts";

/** What the request names is looked up first: the first facts carry the ids, and are serialised once, here. */
const RESOLVE_START = tenantStatement({
  name: "resolve-start",
  parameters: {
    agentId: "uuid?",
    agentName: "text",
    versionId: "uuid?",
    threadId: "uuid?",
    threadKey: "text?",
    idempotencyKey: "text?",
  },
  text: `
with agent as (
  select id, current_version_id from agents where tenant_id = :tenantId and (id = :agentId or name = :agentName)
)
select floor(${millis("now()")}) as now,
  (select id::text from agent) as agent_id,
  (
    select v.id::text from agent a join agent_versions v on v.agent_id = a.id
    where v.id = coalesce(:versionId, a.current_version_id)
  ) as version_id,
  coalesce(
    (select id::text from threads where tenant_id = :tenantId and id = :threadId),
    (select id::text from threads where tenant_id = :tenantId and key = :threadKey)
  ) as thread_id,
  e.id::text as earlier_id, e.status as earlier_status, e.idempotency_hash as earlier_hash
from (select) as one
left join runs e on e.tenant_id = :tenantId and e.idempotency_key = :idempotencyKey`,
});

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
 * The thread's row gives the run its turn, and says whether another run is open. The end of a run locks the same row,
 * so the later of the two sees the other. Either the run is due at once, or the end finds it and wakes it.
 */
const INSERT_RUN = tenantStatement({
  name: "insert-run",
  parameters: {
    runId: "uuid",
    agentId: "uuid",
    versionId: "uuid",
    threadId: "uuid?",
    deviceKey: "text?",
    metadata: "json",
    idempotencyKey: "text?",
    idempotencyHash: "text?",
    lastSeq: "int",
    createdAt: "float8",
    ...EVENT_PARAMETERS,
  },
  text: `
with thread as (
  update threads set turns = turns + 1, open_runs = open_runs + 1
  where id = :threadId and tenant_id = :tenantId
  returning id, turns, open_runs
),
run as (
  insert into runs (
    id, tenant_id, agent_id, agent_version_id, thread_id, thread_turn, device_key, metadata,
    idempotency_key, idempotency_hash, status, wake_at, last_seq, usage, created_at
  )
  select :runId, :tenantId, :agentId, :versionId, thread.id, thread.turns, :deviceKey, :metadata,
    :idempotencyKey, :idempotencyHash, 'queued', case when coalesce(thread.open_runs, 1) = 1 then now() end, :lastSeq, '{}',
    ${time(":createdAt")}
  from (select) as one left join thread on true
  returning id, tenant_id
)
insert into run_events (tenant_id, run_id, seq, sub, prev_seq, prev_sub, type, payload, created_at)
select run.tenant_id, run.id, e.seq, e.sub, e.prev_seq, e.prev_sub, e.type, e.payload::json, ${time("e.ts")}
from run, ${EVENTS}`,
});

type Params = Parameters<TenantStore["startRun"]>[0];

export function startRun(sql: Sql, tenantId: string, params: Params): Promise<StartOutcome> {
  // Of two requests with one idempotency key the second collides over it. It is done again, and finds the first run.
  return repeatOnUniqueViolation(() => tryStart(sql, tenantId, params));
}

async function tryStart(sql: Sql, tenantId: string, params: Params): Promise<StartOutcome> {
  const { runId, agent, versionId, threadId, deviceKey, metadata, idempotency } = params;
  const [found] = await sql.query<Resolved>(
    RESOLVE_START({
      tenantId,
      agentId: isId(agent) ? agent : null,
      agentName: agent,
      versionId: versionId ?? null,
      threadId: threadId !== undefined && isId(threadId) ? threadId : null,
      threadKey: threadId ?? null,
      idempotencyKey: idempotency?.key ?? null,
    }),
  );
  if (found === undefined) throw new Error("the look-up always returns a row");
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
  await sql.query(
    INSERT_RUN({
      tenantId,
      runId,
      ...ids,
      deviceKey,
      metadata: JSON.stringify(metadata),
      idempotencyKey: idempotency?.key ?? null,
      idempotencyHash: idempotency?.bodyHash ?? null,
      lastSeq: facts.length,
      createdAt: found.now,
      ...eventValues(facts),
    }),
  );
  return { kind: "started", runId, status: "queued", created: true };
}

/** The id of the thread that a request names; null: it names none; undefined: there is none. A key makes its thread. */
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
