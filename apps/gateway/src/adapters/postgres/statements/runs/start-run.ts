import { type AgentConfig, isId, parsePlace, providerToolName } from "@hsafa/protocol";
import { firstFacts } from "../../../../core/first-facts.ts";
import { type AgentTerms, grantedLimits } from "../../../../core/granted-limits.ts";
import type { OutsideInput } from "../../../../core/input.ts";
import { interruptReason, policyOf } from "../../../../core/plan-start.ts";
import { inboxBytesMaxFor, inboxMaxFor } from "../../../../ports/inbox.ts";
import { RUN_MESSAGES_BYTES_MAX, THREAD_ANCESTORS_MAX } from "../../../../ports/limits.ts";
import { StoreUnavailable } from "../../../../ports/store.ts";
import type { StartOutcome, TenantStore } from "../../../../ports/tenant-store.ts";
import { START_TRIES_MAX } from "../../limits.ts";
import { OPEN_RUN } from "../../status-lists.ts";
import { ACTOR, actorText, audited } from "../audit/audited.ts";
import { EVENT_PARAMETERS, EVENTS, eventValues } from "../../event-rows.ts";
import { millis, time } from "../../times.ts";
import { tenantStatement } from "../../statement.ts";
import type { RememberedAgents } from "../../remembered-agents.ts";
import { repeatOnUniqueViolation, type TenantSql } from "../../sql.ts";
import { startedUnder } from "../../started-under.ts";
import { IS_JUDGED } from "./claim-runs.ts";
import { findOrMakeThread } from "./find-or-make-thread.ts";
import { planOnThread } from "./plan-on-thread.ts";
import { RESOLVE_START, type Resolved } from "./resolve-start.ts";
import type { TenantId } from "../../../../core/tenant-id.ts";

/**
 * 1. The thread's row gives the run its turn, and says whether another run is open. The end of a run locks the same
 *    row, so the later of the two sees the other. Either the run is due at once, or the end finds it and wakes it.
 * 2. What was planned about the open runs holds while the thread has had no other turn: since then, runs have ended and
 *    none was added. If it has, or the thread is gone, nothing is written.
 * 3. Locks are taken in one order: runs, the latest turn first, and then their thread. A run that has ended meanwhile
 *    is left alone.
 * 4. A run is canceled once: its earlier cancel is known by the dedupe key, as in `ENQUEUE_INPUT`.
 * 5. A run that is steered needs room in its inbox. Without it the new run waits for its turn.
 * 6. A fork of a run on a thread gets a branch, which goes on from before the turn of that run.
 * 7. A run is born with its lease only if it is due at once. And the ended runs that it sees must be as they were read:
 *    its thread has had no turn since. Otherwise the run is queued, with its first facts alone.
 * 8. What was remembered of the agent, and not looked up, must still be so. Otherwise nothing is written.
 * 9. Nor is anything written then if the idempotency key has a run: the start looks that up. Of two that come at once
 *    the second collides over the key.
 */
const INSERT_RUN = tenantStatement({
  name: "insert-run",
  parameters: {
    runId: "uuid",
    agentId: "uuid",
    versionId: "uuid",
    threadId: "uuid?",
    forkedFrom: "uuid?",
    forkedAt: "int?",
    branchId: "uuid?",
    deviceKey: "text?",
    metadata: "json",
    limits: "json",
    startedBy: "json",
    idempotencyKey: "text?",
    idempotencyHash: "text?",
    idempotencyOwner: "text?",
    orUnowned: "bool",
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
    gatewayId: "text?",
    claimNumber: "int?",
    leaseDurationMs: "float8?",
    turnsSeen: "int?",
    isRemembered: "bool",
    agentNamed: "text",
    versionNamed: "uuid?",
    begunStatus: "text?",
    begunSteps: "int?",
    begunStep: "int?",
    begunAt: "float8?",
    begunSeq: "int?",
    ...ACTOR,
    ...EVENT_PARAMETERS,
  },
  text: `
-- 3.
with others as materialized (
  select id, tenant_id, inbox, case when inbox = 0 then 0 else inbox_bytes end as inbox_bytes, message_bytes,
    id = any(:cancels) as is_canceled
  from runs
  where (cardinality(:cancels) > 0 or :steers is not null)
    and tenant_id = :tenantId and (id = any(:cancels) or id = :steers) and status in ${OPEN_RUN}
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
-- 6.
branch as (
  insert into threads (id, tenant_id, subject, metadata, branched_from, ancestor_ids, ancestor_turns, turns, open_runs)
  select :branchId, t.tenant_id, :subject, '{}', r.id, t.ancestor_ids || t.id, t.ancestor_turns || (r.thread_turn - 1), 1, 1
  from runs r cross join lateral (
    select * from threads where id = r.thread_id and tenant_id = r.tenant_id and deleted_at is null limit 1
  ) as t
  where :branchId is not null and r.id = :forkedFrom and r.tenant_id = :tenantId
    and cardinality(t.ancestor_ids) < ${THREAD_ANCESTORS_MAX}
  returning id, turns, open_runs, subject
),
entered as (select * from thread union all select * from branch),
run as (
  insert into runs (
    id, tenant_id, agent_id, agent_version_id, thread_id, thread_turn, forked_from, forked_at, device_key, metadata, limits, started_by,
    idempotency_key, idempotency_hash, idempotency_owner, subject, created_at, usage,
    status, wake_at, last_seq, epoch, lease_owner, claim_number, steps, open_step, started_at
  )
  select :runId, :tenantId, :agentId, :versionId, entered.id, entered.turns, :forkedFrom, :forkedAt, :deviceKey, :metadata, :limits, :startedBy,
    :idempotencyKey, :idempotencyHash, :idempotencyOwner, coalesce(entered.subject, :subject), ${time(":createdAt")}, '{}',
    case when is_born then :begunStatus else 'queued' end,
    case
      when is_born then now() + :leaseDurationMs * interval '1 millisecond'
      when coalesce(entered.open_runs, 1) = 1 then now()
    end,
    case when is_born then :begunSeq else :lastSeq end, is_born::int, case when is_born then :gatewayId end,
    case when is_born then :claimNumber end, case when is_born then :begunSteps else 0 end,
    case when is_born then :begunStep end, case when is_born then ${time(":begunAt")} end
  from (select) as one left join entered on true
  -- 7.
  cross join lateral (
    select :gatewayId is not null and coalesce(entered.open_runs, 1) = 1
      and (entered.turns is null or entered.turns = :turnsSeen + 1) and ${IS_JUDGED} as is_born
  ) as birth
  where (coalesce(:threadId, :branchId) is null or entered.id is not null)
    -- 8.
    and (not :isRemembered or exists (
      select from agents a
      where a.tenant_id = :tenantId and a.id = :agentId and (a.name = :agentNamed or a.id::text = lower(:agentNamed))
        and :versionId = coalesce(:versionNamed, a.current_version_id)
    ))
    -- 9.
    and (not :isRemembered or :idempotencyKey is null or not exists (
      select from runs where ${startedUnder({ key: ":idempotencyKey", owner: ":idempotencyOwner" })}
    ))
  returning id, tenant_id, epoch = 1 as is_born
),
events as (
  insert into run_events (tenant_id, run_id, seq, sub, prev_seq, prev_sub, type, payload, bytes, created_at)
  select run.tenant_id, run.id, e.seq, e.sub, e.prev_seq, e.prev_sub, e.type, e.payload::json, octet_length(e.payload), ${time("e.ts")}
  from run, ${EVENTS}
  where run.is_born or e.seq <= :lastSeq
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
  where (cardinality(:cancels) > 0 or :steers is not null) and r.id = o.id and exists (select from run)
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
select array(select id::text from told) as told, is_born, floor(${millis("clock_timestamp()")}) as now from run`,
});

/** The thread of a run that is to be forked, unless it is gone. */
const READ_TRUNK = tenantStatement({
  name: "read-trunk",
  parameters: { runId: "uuid" },
  text: `
select t.id from runs r join threads t on t.id = r.thread_id and t.tenant_id = r.tenant_id
where r.id = :runId and r.tenant_id = :tenantId and t.deleted_at is null`,
});

type Params = Parameters<TenantStore["startRun"]>[0];

/** What a start is made with. */
interface StartDeps {
  readonly sql: TenantSql;
  readonly agents: RememberedAgents;
}

export function startRun(deps: StartDeps, tenantId: TenantId, params: Params): Promise<StartOutcome> {
  // Of two requests with one idempotency key the second collides over it. It is done again, and finds the first run.
  return repeatOnUniqueViolation(async () => {
    for (let tries = 0; tries < START_TRIES_MAX; tries++) {
      // What was remembered is tried once.
      const outcome = await tryStart(deps, tenantId, params, tries === 0);
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
    policy,
    tools = [],
    providerTools = [],
  } = JSON.parse(config) as Pick<AgentConfig, "model"> & Partial<AgentConfig>;
  const names = [...tools.map(({ name }) => name), ...providerTools.map(({ id }) => providerToolName(id))];
  return { model, maxSteps, limits, policy, toolNames: namesTools ? names : null };
}

/**
 * A start of an agent that is remembered. It names nothing else that must be looked up first: an idempotency key that
 * has a run is found by the statement (9.).
 */
function remembered(agents: RememberedAgents, tenantId: TenantId, params: Params): Resolved | null {
  const { threadId, fork = null, offer = null } = params;
  if (threadId !== undefined || fork !== null || offer === null) return null;
  const agent = agents.find(tenantId, params);
  const { now } = agents;
  if (agent === null || now === null) return null;
  const none = { thread_id: null, thread_turns: null, earlier_id: null, earlier_status: null, earlier_hash: null };
  const { agentId, versionId, configText } = agent;
  return { now, agent_id: agentId, version_id: versionId, config: configText, earlier_run_ids: [], ...none };
}

/** Null: the thread has had another turn meanwhile, or what was remembered does not do. */
async function tryStart(
  { sql, agents }: StartDeps,
  tenantId: TenantId,
  params: Params,
  mayGuess: boolean,
): Promise<StartOutcome | null> {
  const { runId, agent, versionId, threadId, policy, subject, deviceKey, metadata, startedBy, idempotency } = params;
  const { fork = null, offer = null } = params;
  const isOffered = offer !== null && fork === null;
  const guess = mayGuess ? remembered(agents, tenantId, params) : null;
  const [found] =
    guess === null
      ? await sql.query<Resolved>(
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
            isOffered,
          }),
        )
      : [guess];
  if (found === undefined) throw new Error("the look-up always returns a row");
  if (found.earlier_id !== null && found.earlier_status !== null) {
    return found.earlier_hash === idempotency?.bodyHash
      ? {
          kind: "started",
          runId: found.earlier_id,
          status: found.earlier_status,
          created: false,
          isHeld: false,
          told: [],
        }
      : { kind: "idempotency_conflict" };
  }
  if (found.agent_id === null) return { kind: "agent_not_found" };
  if (found.version_id === null || found.config === null) return { kind: "version_not_found" };
  const named = { agentId: found.agent_id, versionId: found.version_id, configText: found.config };
  const { config } = agents.found(tenantId, params, named);
  const terms = termsOf(found.config, params.scope?.tools !== undefined);
  const faults = params.admit(terms);
  // What is remembered refuses nothing: another version may be admitted by now, or the key may have its run.
  if (faults.length > 0) return guess === null ? { kind: "not_admitted", faults } : null;
  const thread = await findOrMakeThread(sql, tenantId, { wanted: threadId, subject, found: found.thread_id });
  if (thread === undefined) return { kind: "thread_not_found" };

  const planned = await planOnThread(sql, tenantId, {
    threadId: thread,
    agentId: found.agent_id,
    policy: policyOf(policy, params.leftToAgent, terms.policy),
  });
  if (planned === null) return null;
  const { plan, turns } = planned;
  if (plan.kind === "busy") return { kind: "thread_busy", runId: plan.runId };
  const cancelInput = JSON.stringify({ kind: "cancel", reason: interruptReason(runId) } satisfies OutsideInput);
  const steerInput = JSON.stringify({ kind: "steer", runId, messages: params.messages } satisfies OutsideInput);

  const ids = { agentId: found.agent_id, versionId: found.version_id };
  const facts = firstFacts({ ...params, ...ids, threadId: fork?.threadId ?? thread, now: found.now });
  // A thread that was just made has had no turn.
  const isNewThread = found.thread_id === null && thread !== null;
  const earlierRunIds = thread === null || isNewThread ? [] : found.earlier_run_ids;
  const begun =
    !isOffered || earlierRunIds === null
      ? null
      : offer.begin({
          runId,
          deviceKey,
          config,
          facts,
          earlierRunIds,
          now: found.now,
        });
  const [inserted] = await sql.query<{ told: readonly string[]; is_born: boolean; now: number }>(
    INSERT_RUN({
      tenantId,
      runId,
      ...ids,
      threadId: thread,
      forkedFrom: fork?.from.runId ?? null,
      forkedAt: fork === null ? null : (parsePlace(fork.from.position)?.position.seq ?? 0),
      branchId: fork?.threadId ?? null,
      deviceKey,
      metadata: JSON.stringify(metadata),
      limits: JSON.stringify(grantedLimits(terms, params.limits)),
      startedBy: JSON.stringify(startedBy),
      idempotencyKey: idempotency?.key ?? null,
      idempotencyHash: idempotency?.bodyHash ?? null,
      idempotencyOwner: idempotency?.owner ?? null,
      orUnowned: idempotency?.orUnowned === true,
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
      gatewayId: begun === null ? null : (offer?.gatewayId ?? null),
      claimNumber: offer?.claimNumber ?? null,
      leaseDurationMs: offer?.leaseDurationMs ?? null,
      turnsSeen: found.thread_turns ?? 0,
      isRemembered: guess !== null,
      agentNamed: agent,
      versionNamed: versionId ?? null,
      begunStatus: begun?.run.status ?? null,
      begunSteps: begun?.run.steps ?? null,
      begunStep: begun?.run.openStep ?? null,
      begunAt: begun?.run.startedAt ?? null,
      begunSeq: begun?.facts.at(-1)?.seq ?? null,
      actor: actorText(params.by),
      ...eventValues([...facts, ...(begun?.facts ?? [])]),
    }),
    () => {
      if (begun !== null) offer?.sent();
    },
  );
  if (inserted === undefined && fork !== null) {
    const trunks = await sql.query(READ_TRUNK({ tenantId, runId: fork.from.runId }));
    return trunks.length === 0 ? { kind: "origin_not_found" } : { kind: "too_deep" };
  }
  if (inserted === undefined) {
    agents.forget(tenantId, params);
    return null;
  }
  agents.heard(inserted.now);
  const { told, is_born: isHeld } = inserted;
  const status = isHeld && begun !== null ? begun.run.status : "queued";
  return { kind: "started", runId, status, created: true, isHeld, told };
}
