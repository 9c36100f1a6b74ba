import { isId, type RunLimits, type RunStatus } from "@hsafa/protocol";
import { v7 } from "uuid";
import { firstFacts } from "../../../../core/first-facts.ts";
import { type AgentTerms, grantedLimits } from "../../../../core/granted-limits.ts";
import type { StartOutcome, TenantStore } from "../../../../ports/tenant-store.ts";
import { EVENT_PARAMETERS, EVENTS, eventValues } from "../../event-rows.ts";
import { millis, time } from "../../times.ts";
import { tenantStatement } from "../../statement.ts";
import { repeatOnUniqueViolation, type TenantSql } from "../../sql.ts";
import { createThread } from "../threads/create-thread.ts";
import type { TenantId } from "../../../../core/tenant-id.ts";

/** What the request names is looked up first: the first facts carry the ids, and are serialised once, here. */
const RESOLVE_START = tenantStatement({
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
  },
  text: `
with agent as (
  select id, current_version_id from agents where tenant_id = :tenantId and (id = :agentId or name = :agentName)
),
version as (
  select v.id, json_build_object(
    'model', v.config_json->'model', 'maxSteps', v.config_json->'maxSteps', 'limits', v.config_json->'limits'
  ) as terms
  from agent a join agent_versions v on v.agent_id = a.id
  where v.id = coalesce(:versionId, a.current_version_id)
)
select floor(${millis("now()")}) as now,
  (select id::text from agent) as agent_id,
  (select id::text from version) as version_id,
  (select terms from version) as terms,
  coalesce(
    (select id::text from threads where tenant_id = :tenantId and id = :threadId),
    (
      select id::text from threads
      where tenant_id = :tenantId and key = :threadKey and subject is not distinct from :subject
    )
  ) as thread_id,
  e.id::text as earlier_id, e.status as earlier_status, e.idempotency_hash as earlier_hash
from (select) as one
left join lateral (
  select * from runs
  where tenant_id = :tenantId and idempotency_key = :idempotencyKey
    and (idempotency_owner = :idempotencyOwner or :orUnowned and idempotency_owner is null)
  order by idempotency_owner
  limit 1
) as e on true`,
});

interface Resolved {
  readonly now: number;
  readonly agent_id: string | null;
  readonly version_id: string | null;
  /** What the config does not say is null. */
  readonly terms: {
    readonly model: string;
    readonly maxSteps: number | null;
    readonly limits: RunLimits | null;
  } | null;
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
    limits: "json",
    startedBy: "json",
    idempotencyKey: "text?",
    idempotencyHash: "text?",
    idempotencyOwner: "text?",
    subject: "text?",
    lastSeq: "int",
    createdAt: "float8",
    ...EVENT_PARAMETERS,
  },
  text: `
with thread as (
  update threads set turns = turns + 1, open_runs = open_runs + 1
  where id = :threadId and tenant_id = :tenantId
  returning id, turns, open_runs, subject
),
run as (
  insert into runs (
    id, tenant_id, agent_id, agent_version_id, thread_id, thread_turn, device_key, metadata, limits, started_by,
    idempotency_key, idempotency_hash, idempotency_owner, subject, status, wake_at, last_seq, usage, created_at
  )
  select :runId, :tenantId, :agentId, :versionId, thread.id, thread.turns, :deviceKey, :metadata, :limits, :startedBy,
    :idempotencyKey, :idempotencyHash, :idempotencyOwner, coalesce(thread.subject, :subject), 'queued', case when coalesce(thread.open_runs, 1) = 1 then now() end, :lastSeq, '{}',
    ${time(":createdAt")}
  from (select) as one left join thread on true
  returning id, tenant_id
)
insert into run_events (tenant_id, run_id, seq, sub, prev_seq, prev_sub, type, payload, bytes, created_at)
select run.tenant_id, run.id, e.seq, e.sub, e.prev_seq, e.prev_sub, e.type, e.payload::json, octet_length(e.payload), ${time("e.ts")}
from run, ${EVENTS}`,
});

type Params = Parameters<TenantStore["startRun"]>[0];

export function startRun(sql: TenantSql, tenantId: TenantId, params: Params): Promise<StartOutcome> {
  // Of two requests with one idempotency key the second collides over it. It is done again, and finds the first run.
  return repeatOnUniqueViolation(() => tryStart(sql, tenantId, params));
}

async function tryStart(sql: TenantSql, tenantId: TenantId, params: Params): Promise<StartOutcome> {
  const { runId, agent, versionId, threadId, subject, deviceKey, metadata, startedBy, idempotency } = params;
  const [found] = await sql.query<Resolved>(
    RESOLVE_START({
      tenantId,
      agentId: isId(agent) ? agent : null,
      agentName: agent,
      versionId: versionId ?? null,
      threadId: threadId !== undefined && isId(threadId) ? threadId : null,
      threadKey: threadId ?? null,
      subject,
      idempotencyKey: idempotency?.key ?? null,
      idempotencyOwner: idempotency?.owner ?? null,
      orUnowned: idempotency?.orUnowned === true,
    }),
  );
  if (found === undefined) throw new Error("the look-up always returns a row");
  if (found.earlier_id !== null && found.earlier_status !== null) {
    return found.earlier_hash === idempotency?.bodyHash
      ? { kind: "started", runId: found.earlier_id, status: found.earlier_status, created: false }
      : { kind: "idempotency_conflict" };
  }
  if (found.agent_id === null) return { kind: "agent_not_found" };
  if (found.version_id === null || found.terms === null) return { kind: "version_not_found" };
  const { model, maxSteps, limits } = found.terms;
  const terms: AgentTerms = { model, maxSteps: maxSteps ?? undefined, limits: limits ?? undefined };
  const faults = params.admit(terms);
  if (faults.length > 0) return { kind: "not_admitted", faults };
  const thread = await findOrMakeThread(sql, tenantId, { wanted: threadId, subject, found: found.thread_id });
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
      limits: JSON.stringify(grantedLimits(terms, params.limits)),
      startedBy: JSON.stringify(startedBy),
      idempotencyKey: idempotency?.key ?? null,
      idempotencyHash: idempotency?.bodyHash ?? null,
      idempotencyOwner: idempotency?.owner ?? null,
      subject,
      lastSeq: facts.length,
      createdAt: found.now,
      ...eventValues(facts),
    }),
  );
  return { kind: "started", runId, status: "queued", created: true };
}

/** The id of the thread that a request names; null: it names none; undefined: there is none. A key makes its thread. */
async function findOrMakeThread(
  sql: TenantSql,
  tenantId: TenantId,
  {
    wanted,
    subject,
    found,
  }: { readonly wanted: string | undefined; readonly subject: string | null; readonly found: string | null },
): Promise<string | null | undefined> {
  if (wanted === undefined) return null;
  if (found !== null) return found;
  if (isId(wanted)) return undefined;
  const { thread } = await createThread(sql, tenantId, { threadId: v7(), key: wanted, subject, metadata: {} });
  return thread.id;
}
