import { isTerminalStatus } from "@hsafa/protocol";
import { judgeCommit, type RunStanding } from "../../../../ports/judge-commit.ts";
import type { Commit, CommitOutcome } from "../../../../ports/fleet-store.ts";
import { CALL_COLUMNS, CALL_PARAMETERS, CALL_VALUES, CALLS, callValues } from "../../call-rows.ts";
import { RELATIVE_PARAMETERS, relativeValues, ORPHANS, PARENT_COLUMNS, RELATIVES } from "../../relatives.ts";
import { EVENT_PARAMETERS, EVENTS, eventValues } from "../../event-rows.ts";
import { time } from "../../times.ts";
import { COMMIT_TRIES_MAX } from "../../limits.ts";
import { isMergeable } from "../../is-mergeable.ts";
import { type Query, tenantStatement } from "../../statement.ts";
import type { Sql } from "../../sql.ts";
import { wakeThread } from "../threads/wake-thread.ts";

/** SQL: the consumed inputs that still wait, as a row `used`: how many they are, and their bytes. */
const USED = `(
    select count(*)::int as count, coalesce(sum(bytes), 0)::int as bytes
    from run_inputs where run_id = :runId and id = any(:consumed) and not consumed
  ) as used`;

/** SQL: whether the commit consumes an input `i` of the run `g`. */
const IS_CONSUMED = "i.run_id = g.id and not i.consumed and (:hasEnded or i.id = any(:consumed))";

const PARAMETERS = {
  runId: "uuid",
  gatewayId: "text",
  epoch: "int",
  afterSeq: "int",
  lastSeq: "int",
  inboxMustBe: "int?",
  status: "text",
  steps: "int",
  openStep: "int?",
  usage: "json",
  childrenUsage: "json?",
  output: "json?",
  finishReason: "text?",
  error: "json?",
  startedAt: "float8?",
  completedAt: "float8?",
  progress: "bool",
  releases: "bool",
  wakeAt: "float8?",
  hasEnded: "bool",
  consumed: "bigint[]",
  merges: "uuid[]",
  mergedSeqs: "int[]",
  mergedTypes: "text[]",
  mergedPayloads: "text[]",
  mergedTimes: "float8[]",
  ...EVENT_PARAMETERS,
  ...CALL_PARAMETERS,
} as const;

/**
 * 1. `guarded` is the whole fence. Every other part joins it, so without its one row nothing is written anywhere.
 * 2. The guard compares the row as it is under the lock. After a wait Postgres reads the row anew. The count of
 *    consumed inputs may be older, which harms nothing: only the holder consumes, and the guard lets one of two tries
 *    through.
 * 3. Locks are taken in one order: runs, children before their parents and the latest turn of a thread first; then
 *    threads and tool_calls.
 * 4. An end consumes every input that waits. All of them are visible here: while the inbox is as the caller counted it,
 *    no input has come.
 * 5. A delta may be there already, written by a batch. A fact may not. The guard looks for one, so that such a bug
 *    fails the commit and no fact is dropped in silence.
 * 7. Runs that are merged are locked before anything is written, and must all wait still.
 * 6. Bytes that a gateway of an earlier version put in were not counted, so they may not be missed when they go.
 * 8. Children whose calls are settled here are locked before the run, as the end of a child locks the child before its
 *    parent. A child may end at the same time. Then the guard finds its input, or the child finds the cancel.
 */
function commitText(isOfFamily: boolean): string {
  return `
-- 3. 7.
with merging as materialized (
  select m.id from runs m
  where cardinality(:merges) > 0 and m.id = any(:merges) and m.tenant_id = :tenantId and ${isMergeable("m")}
  order by m.thread_turn desc
  for no key update
),
-- 8.
${isOfFamily ? `${ORPHANS},` : ""}
-- 1. 2. 3.
guarded as (
  update runs set
    status = :status, steps = :steps, open_step = :openStep, usage = :usage,
    children_usage = :childrenUsage, output = :output,
    finish_reason = :finishReason, error = :error,
    started_at = ${time(":startedAt")}, completed_at = ${time(":completedAt")},
    last_seq = :lastSeq,
    -- 4.
    inbox = case when :hasEnded then 0 else inbox - used.count end,
    -- 6.
    inbox_bytes = case when :hasEnded or inbox <= used.count then 0 else greatest(0, inbox_bytes - used.bytes) end,
    recoveries = case when :progress then 0 else recoveries end,
    lease_owner = case when :releases then null else lease_owner end,
    wake_at = case
      when :hasEnded then null
      when not :releases then wake_at
      when inbox > used.count then now()
      else ${time(":wakeAt")}
    end
  from ${USED}
  where id = :runId and tenant_id = :tenantId and epoch = :epoch and lease_owner = :gatewayId and last_seq = :afterSeq
    and (:inboxMustBe is null or inbox = :inboxMustBe)
    -- 7.
    and (select count(*) from merging) = cardinality(:merges)
    -- 8.
    ${isOfFamily ? "and (select count(*) from orphans) >= 0" : ""}
    -- 5.
    and not exists (select from run_events where run_id = :runId and seq > :afterSeq and sub = 0)
  returning id, tenant_id, thread_id, subject, ${PARENT_COLUMNS}
),
-- 5.
events as (
  insert into run_events (tenant_id, run_id, seq, sub, prev_seq, prev_sub, type, payload, bytes, created_at)
  select g.tenant_id, g.id, e.seq, e.sub, e.prev_seq, e.prev_sub, e.type, e.payload::json, octet_length(e.payload), ${time("e.ts")}
  from guarded g, ${EVENTS}
  order by e.seq, e.sub
  on conflict (run_id, seq, sub) do nothing
),
calls as (
  insert into tool_calls as c (tenant_id, run_id, subject, ${CALL_COLUMNS})
  select g.tenant_id, g.id, g.subject, ${CALL_VALUES}
  from guarded g, ${CALLS}
  on conflict (id) do update set
    status = excluded.status, attempt = excluded.attempt, deadline = excluded.deadline, result = excluded.result,
    approval = excluded.approval, recipient_device_id = excluded.recipient_device_id,
    recipient_owner = excluded.recipient_owner,
    recipient_owner_id = excluded.recipient_owner_id,
    error = excluded.error, source = excluded.source, device_id = excluded.device_id,
    dispatched_at = excluded.dispatched_at, settled_at = excluded.settled_at,
    -- A new attempt may go to any device that fits. The device of an earlier one stays in sent_to: its result counts.
    sent_device_id = case when excluded.attempt > c.attempt then null else c.sent_device_id end,
    sent_boot_id = case when excluded.attempt > c.attempt then null else c.sent_boot_id end
  where c.run_id = excluded.run_id
),
kept as (
  update run_inputs i set consumed = true from guarded g where ${IS_CONSUMED} and i.dedupe_key is not null
),
dropped as (
  delete from run_inputs i using guarded g where ${IS_CONSUMED} and i.dedupe_key is null
),
merged as (
  update runs m set status = 'merged', merged_into = g.id, last_seq = e.seq, wake_at = null, completed_at = ${time("e.ts")}
  from guarded g, unnest(:merges, :mergedSeqs, :mergedTypes, :mergedPayloads, :mergedTimes) as e (run_id, seq, type, payload, ts)
  where cardinality(:merges) > 0 and m.id = e.run_id and m.tenant_id = g.tenant_id
  returning m.id, m.tenant_id, e.seq, e.type, e.payload, e.ts
),
merged_ends as (
  insert into run_events (tenant_id, run_id, seq, sub, prev_seq, prev_sub, type, payload, bytes, created_at)
  select m.tenant_id, m.id, m.seq, 0, m.seq - 1, 0, m.type, m.payload::json, octet_length(m.payload), ${time("m.ts")}
  from merged m
),
${isOfFamily ? `${RELATIVES},` : ""}
thread as (
  update threads t set open_runs = t.open_runs - :hasEnded::int - (select count(*) from merged)::int
  where (:hasEnded or cardinality(:merges) > 0) and t.id = (select thread_id from guarded) and t.tenant_id = :tenantId
  returning t.id, t.open_runs
)
select t.id::text as thread_id, t.open_runs from guarded left join thread t on :hasEnded`;
}

/** Almost every commit touches no run above or below. It is spared what is about those: some 0.2 ms. */
const COMMIT = tenantStatement({ name: "commit", parameters: PARAMETERS, text: commitText(false) });
const COMMIT_OF_FAMILY = tenantStatement({
  name: "commit-of-family",
  parameters: { ...PARAMETERS, ...RELATIVE_PARAMETERS },
  text: commitText(true),
});

/** The run's row as it is after a refusal. An input that has come is not taken back, since only the holder consumes. */
const STANDING = tenantStatement({
  name: "commit-standing",
  parameters: { runId: "uuid", merges: "uuid[]" },
  text: `
select epoch, last_seq, inbox, lease_owner, thread_id::text, (
  select count(*)::int from runs m where m.id = any(:merges) and m.tenant_id = :tenantId and ${isMergeable("m")}
) as mergeable
from runs where id = :runId and tenant_id = :tenantId`,
});

interface Standing {
  readonly epoch: number;
  readonly last_seq: number;
  readonly inbox: number;
  readonly lease_owner: string | null;
  readonly thread_id: string | null;
  readonly mergeable: number;
}

export async function commit(sql: Sql, params: Commit): Promise<CommitOutcome> {
  const { tenantId, runId, afterSeq } = params;
  for (let tries = 0; tries < COMMIT_TRIES_MAX; tries++) {
    const [written] = await sql.query<{ thread_id: string | null; open_runs: number | null }>(commitQuery(params));
    if (written !== undefined) {
      if (written.thread_id === null || written.open_runs === 0) return { kind: "committed", wakes: [] };
      return { kind: "committed", wakes: await wakeThread(sql, { tenantId, threadId: written.thread_id }) };
    }
    const [row] = await sql.query<Standing>(
      STANDING({ tenantId, runId, merges: params.merges.map((merged) => merged.runId) }),
    );
    const verdict = judgeCommit(row === undefined ? null : standingOf(row), params);
    switch (verdict) {
      case "fenced":
      case "store_behind":
      case "inputs_waiting":
        return { kind: verdict };
      case "written": {
        const threadId = isTerminalStatus(params.run.status) ? (row?.thread_id ?? null) : null;
        return { kind: "committed", wakes: threadId === null ? [] : await wakeThread(sql, { tenantId, threadId }) };
      }
      case "fits":
        // The row has changed since the refusal.
        break;
      default:
        verdict satisfies never;
    }
  }
  throw new Error(`the commit of run ${runId} after seq ${afterSeq} was refused although its row fits`);
}

function standingOf(row: Standing): RunStanding {
  const { epoch, last_seq, inbox, lease_owner, mergeable } = row;
  return { epoch, lastSeq: last_seq, inbox, leaseOwner: lease_owner, mergeable };
}

function commitQuery(params: Commit): Query {
  const { run, lease } = params;
  const hasEnded = isTerminalStatus(run.status);
  const values = {
    tenantId: params.tenantId,
    runId: params.runId,
    gatewayId: params.gatewayId,
    epoch: params.epoch,
    afterSeq: params.afterSeq,
    lastSeq: params.afterSeq + params.facts.length,
    inboxMustBe: params.inboxMustBe,
    status: run.status,
    steps: run.steps,
    openStep: run.openStep,
    usage: JSON.stringify(run.usage),
    childrenUsage: Object.keys(run.childrenUsage).length === 0 ? null : JSON.stringify(run.childrenUsage),
    output: run.output === null ? null : JSON.stringify(run.output),
    finishReason: run.finishReason,
    error: run.error === null ? null : JSON.stringify(run.error),
    startedAt: run.startedAt,
    completedAt: run.completedAt,
    progress: params.progress,
    // R6: an ended run has no holder, whatever the caller says.
    releases: hasEnded || lease.kind === "release",
    wakeAt: lease.kind === "release" ? lease.wakeAt : null,
    hasEnded,
    consumed: params.consumed,
    merges: params.merges.map((merged) => merged.runId),
    mergedSeqs: params.merges.map(({ record }) => record.seq),
    mergedTypes: params.merges.map(({ record }) => record.type),
    mergedPayloads: params.merges.map(({ record }) => record.payload),
    mergedTimes: params.merges.map(({ record }) => record.ts),
    ...eventValues([...params.deltas, ...params.facts]),
    ...callValues(params.calls),
  };
  const relatives = relativeValues(params);
  return relatives === null ? COMMIT(values) : COMMIT_OF_FAMILY({ ...values, ...relatives });
}
