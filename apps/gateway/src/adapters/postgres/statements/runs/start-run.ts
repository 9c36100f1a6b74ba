import { type AgentConfig, isId, type RunStatus, type StartPolicy } from "@hsafa/protocol";
import { v7 } from "uuid";
import { firstFacts } from "../../../../core/first-facts.ts";
import { type AgentTerms, grantedLimits } from "../../../../core/granted-limits.ts";
import type { OutsideInput } from "../../../../core/input.ts";
import { interruptReason, type OpenRun, planStart, type StartPlan } from "../../../../core/plan-start.ts";
import { inboxBytesMaxFor, inboxMaxFor } from "../../../../ports/inbox.ts";
import { RUN_MESSAGES_BYTES_MAX } from "../../../../ports/limits.ts";
import { StoreUnavailable } from "../../../../ports/store.ts";
import type { StartOutcome, TenantStore } from "../../../../ports/tenant-store.ts";
import { START_TRIES_MAX } from "../../limits.ts";
import { OPEN_RUN } from "../../status-lists.ts";
import { ACTOR, actorText, audited } from "../audit/audited.ts";
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
  -- As a text: Postgres reads no field of a JSON value that holds the character 0 or half a pair anywhere.
  select v.id, v.config_json::text as config
  from agent a join agent_versions v on v.agent_id = a.id
  where v.id = coalesce(:versionId, a.current_version_id)
)
select floor(${millis("now()")}) as now,
  (select id::text from agent) as agent_id,
  (select id::text from version) as version_id,
  (select config from version) as config,
  coalesce(
    (select id::text from threads where tenant_id = :tenantId and id = :threadId and deleted_at is null),
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
  readonly config: string | null;
  readonly thread_id: string | null;
  readonly earlier_id: string | null;
  readonly earlier_status: RunStatus | null;
  readonly earlier_hash: string | null;
}

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

/**
 * 1. The thread's row gives the run its turn, and says whether another run is open. The end of a run locks the same
 *    row, so the later of the two sees the other. Either the run is due at once, or the end finds it and wakes it.
 * 2. What was planned about the open runs holds while the thread has had no other turn: since then, runs have ended and
 *    none was added. If it has, or the thread is gone, nothing is written.
 * 3. Locks are taken in one order: runs, the latest turn first, and then their thread. A run that has ended meanwhile
 *    is left alone.
 * 4. A run is canceled once: its earlier cancel is known by the dedupe key, as in `ENQUEUE_INPUT`.
 * 5. A run that is steered needs room in its inbox. Without it the new run waits for its turn.
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
    turns: "int?",
    cancels: "uuid[]",
    cancelInput: "json",
    cancelBytes: "int",
    steers: "uuid?",
    steerInput: "json",
    steerBytes: "int",
    ...ACTOR,
    ...EVENT_PARAMETERS,
  },
  text: `
-- 3.
with others as materialized (
  select id, tenant_id, inbox, case when inbox = 0 then 0 else inbox_bytes end as inbox_bytes, message_bytes,
    id = any(:cancels) as is_canceled
  from runs
  where tenant_id = :tenantId and (id = any(:cancels) or id = :steers) and status in ${OPEN_RUN}
  order by thread_turn desc
  for no key update
),
-- 1.
thread as (
  update threads set turns = turns + 1, open_runs = open_runs + 1
  where id = :threadId and tenant_id = :tenantId and deleted_at is null
    -- 2.
    and (:turns is null or turns = :turns) and (select count(*) from others) >= 0
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
  where :threadId is null or thread.id is not null
  returning id, tenant_id
),
events as (
  insert into run_events (tenant_id, run_id, seq, sub, prev_seq, prev_sub, type, payload, bytes, created_at)
  select run.tenant_id, run.id, e.seq, e.sub, e.prev_seq, e.prev_sub, e.type, e.payload::json, octet_length(e.payload), ${time("e.ts")}
  from run, ${EVENTS}
),
told as (
  update runs r set
    inbox = r.inbox + 1,
    inbox_bytes = o.inbox_bytes + case when o.is_canceled then :cancelBytes else :steerBytes end,
    message_bytes = o.message_bytes + case when o.is_canceled then 0 else :steerBytes end,
    wake_at = case
      when r.lease_owner is null and (r.epoch > 0 or r.wake_at is not null or o.is_canceled) then now()
      else r.wake_at
    end
  from others o
  where r.id = o.id and exists (select from run)
    and case
      -- 4.
      when o.is_canceled
      then not exists (select from run_inputs i where i.run_id = o.id and i.dedupe_key = 'cancel')
      -- 5.
      else o.inbox < ${inboxMaxFor("steer")} and o.inbox_bytes + :steerBytes <= ${inboxBytesMaxFor("steer")}
        and o.message_bytes + :steerBytes <= ${RUN_MESSAGES_BYTES_MAX}
    end
  returning r.id, r.tenant_id, o.is_canceled
),
inputs as (
  insert into run_inputs (tenant_id, run_id, kind, input, bytes, dedupe_key, body_hash)
  select tenant_id, id, 'cancel', :cancelInput, :cancelBytes, 'cancel', '' from told where is_canceled
  union all
  select tenant_id, id, 'steer', :steerInput, :steerBytes, null, null from told where not is_canceled
),
${audited({
  action: "run.cancel",
  outcome: "'requested'",
  targets: { runId: "told.id" },
  from: "told where is_canceled",
})}
select array(select id::text from told) as told from run`,
});

type Params = Parameters<TenantStore["startRun"]>[0];

export function startRun(sql: TenantSql, tenantId: TenantId, params: Params): Promise<StartOutcome> {
  // Of two requests with one idempotency key the second collides over it. It is done again, and finds the first run.
  return repeatOnUniqueViolation(async () => {
    for (let tries = 0; tries < START_TRIES_MAX; tries++) {
      const outcome = await tryStart(sql, tenantId, params);
      if (outcome !== null) return outcome;
    }
    throw new StoreUnavailable(`other runs of its thread were started before ${params.runId}, each time`);
  });
}

/** What a config says that a start is admitted by. */
function termsOf(config: string, namesTools: boolean): AgentTerms {
  const {
    model,
    maxSteps,
    limits,
    tools = [],
  } = JSON.parse(config) as Pick<AgentConfig, "model"> & Partial<AgentConfig>;
  return { model, maxSteps, limits, toolNames: namesTools ? tools.map(({ name }) => name) : null };
}

/** Null: the thread has had another turn meanwhile. */
async function tryStart(sql: TenantSql, tenantId: TenantId, params: Params): Promise<StartOutcome | null> {
  const { runId, agent, versionId, threadId, policy, subject, deviceKey, metadata, startedBy, idempotency } = params;
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
      ? { kind: "started", runId: found.earlier_id, status: found.earlier_status, created: false, told: [] }
      : { kind: "idempotency_conflict" };
  }
  if (found.agent_id === null) return { kind: "agent_not_found" };
  if (found.version_id === null || found.config === null) return { kind: "version_not_found" };
  const terms = termsOf(found.config, params.scope?.tools !== undefined);
  const faults = params.admit(terms);
  if (faults.length > 0) return { kind: "not_admitted", faults };
  const thread = await findOrMakeThread(sql, tenantId, { wanted: threadId, subject, found: found.thread_id });
  if (thread === undefined) return { kind: "thread_not_found" };

  const planned = await planOnThread(sql, tenantId, { threadId: thread, agentId: found.agent_id, policy });
  if (planned === null) return null;
  const { plan, turns } = planned;
  if (plan.kind === "busy") return { kind: "thread_busy", runId: plan.runId };
  const cancelInput = JSON.stringify({ kind: "cancel", reason: interruptReason(runId) } satisfies OutsideInput);
  const steerInput = JSON.stringify({ kind: "steer", runId, messages: params.messages } satisfies OutsideInput);

  const ids = { agentId: found.agent_id, versionId: found.version_id, threadId: thread };
  const facts = firstFacts({ ...params, ...ids, now: found.now });
  const [inserted] = await sql.query<{ told: readonly string[] }>(
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
      turns,
      cancels: plan.cancels,
      cancelInput,
      cancelBytes: Buffer.byteLength(cancelInput),
      steers: plan.steers,
      steerInput,
      steerBytes: Buffer.byteLength(steerInput),
      actor: actorText(params.by),
      ...eventValues(facts),
    }),
  );
  if (inserted === undefined) return null;
  return { kind: "started", runId, status: "queued", created: true, told: inserted.told };
}

interface Planned {
  readonly plan: StartPlan;
  /** The turns that the thread must have had for the plan to hold; null: it holds whatever comes between. */
  readonly turns: number | null;
}

/** Plans a start on its thread, if it is on one. Null: the thread is gone. */
async function planOnThread(
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
  const { thread } = await createThread(sql, tenantId, {
    threadId: v7(),
    key: wanted,
    subject,
    metadata: {},
  });
  return thread.id;
}
