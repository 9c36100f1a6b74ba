import { isTerminalStatus } from "@hsafa/protocol";
import { judgeCommit, type RunStanding } from "../../../../ports/judge-commit.ts";
import type { CallProjection, Commit, CommitOutcome } from "../../../../ports/fleet-store.ts";
import { eventArrays, eventArraysFrom, time } from "../../event-rows.ts";
import { labelTexts } from "../../labels.ts";
import type { Sql, SqlValue } from "../../sql.ts";
import { wakeThread } from "../threads/wake-thread.ts";

/**
 * `guarded` is the whole fence: one row that fits, locked until the end, or nothing is written anywhere (every other
 * part joins it). It comes first in the order of locks, runs before threads and tool_calls. After a wait for its lock
 * Postgres reads that row anew, and with it all the guard compares; the count of consumed inputs may be older, which
 * harms nothing, since only the holder consumes, and of two tries of one commit the guard lets one through.
 *
 * An end consumes whatever waits. Each of it is visible here: as long as the inbox is what its caller has counted, no
 * input has come since.
 *
 * Deltas may be there already, brought by a batch in flight; a fact cannot be, so a conflict there is a bug and fails
 * loudly.
 */
const COMMIT = {
  name: "commit",
  text: `
with guarded as (
  update runs set
    status = $7, steps = $8, open_step = $9, usage = $10::text::json, output = $11::text::json, error = $12::text::json,
    started_at = ${time("$13")}, completed_at = ${time("$14")},
    last_seq = $5::int,
    inbox = case
      when $18::bool then 0
      else inbox - (select count(*)::int from run_inputs where run_id = $2 and id = any($19::bigint[]) and not consumed)
    end,
    recoveries = case when $15::bool then 0 else recoveries end,
    lease_owner = case when $16::bool then null else lease_owner end,
    wake_at = case
      when $18::bool then null
      when not $16::bool then wake_at
      when inbox > (select count(*) from run_inputs where run_id = $2 and id = any($19::bigint[]) and not consumed) then now()
      else ${time("$17")}
    end
  where id = $2::uuid and tenant_id = $1::uuid and epoch = $3::int and lease_owner is not null and last_seq = $4::int
    and ($6::int is null or inbox = $6::int)
  returning id, tenant_id, thread_id
),
facts as (
  insert into run_events (tenant_id, run_id, seq, sub, prev_seq, prev_sub, type, payload, created_at)
  select g.tenant_id, g.id, e.seq, e.sub, e.prev_seq, e.prev_sub, e.type, e.payload::json, ${time("e.ts")}
  from guarded g, ${eventArraysFrom(20)}
),
deltas as (
  insert into run_events (tenant_id, run_id, seq, sub, prev_seq, prev_sub, type, payload, created_at)
  select g.tenant_id, g.id, e.seq, e.sub, e.prev_seq, e.prev_sub, e.type, e.payload::json, ${time("e.ts")}
  from guarded g, ${eventArraysFrom(27)}
  order by e.seq, e.sub
  on conflict (run_id, seq, sub) do nothing
),
calls as (
  insert into tool_calls as c (
    tenant_id, run_id, id, tool_name, step, args, target, status, attempt, repeatable,
    recipient_kind, recipient_key, recipient_labels, recipient_platform,
    deadline, result, error, source, device_id, requested_at, dispatched_at, settled_at
  )
  select g.tenant_id, g.id, n.id, n.tool_name, n.step, n.args::json, n.target, n.status, n.attempt, n.repeatable,
    n.recipient_kind, n.recipient_key, array(select json_array_elements_text(n.recipient_labels::json)), n.recipient_platform,
    ${time("n.deadline")}, n.result::json, n.error::json, n.source, n.device_id::uuid,
    ${time("n.requested_at")}, ${time("n.dispatched_at")}, ${time("n.settled_at")}
  from guarded g, unnest(
    $34::uuid[], $35::text[], $36::int[], $37::text[], $38::text[], $39::text[], $40::int[], $41::bool[],
    $42::text[], $43::text[], $44::text[], $45::text[],
    $46::float8[], $47::text[], $48::text[], $49::text[], $50::text[], $51::float8[], $52::float8[], $53::float8[]
  ) as n (
    id, tool_name, step, args, target, status, attempt, repeatable,
    recipient_kind, recipient_key, recipient_labels, recipient_platform,
    deadline, result, error, source, device_id, requested_at, dispatched_at, settled_at
  )
  on conflict (id) do update set
    status = excluded.status, attempt = excluded.attempt, deadline = excluded.deadline, result = excluded.result,
    error = excluded.error, source = excluded.source, device_id = excluded.device_id,
    dispatched_at = excluded.dispatched_at, settled_at = excluded.settled_at,
    -- A new attempt is free to go to any device that fits; whom an earlier one went to stays in sent_to, since its answer still counts.
    sent_device_id = case when excluded.attempt > c.attempt then null else c.sent_device_id end,
    sent_boot_id = case when excluded.attempt > c.attempt then null else c.sent_boot_id end
  where c.run_id = excluded.run_id
),
kept as (
  update run_inputs i set consumed = true from guarded g
  where i.run_id = g.id and not i.consumed and ($18::bool or i.id = any($19::bigint[])) and i.dedupe_key is not null
),
dropped as (
  delete from run_inputs i using guarded g
  where i.run_id = g.id and not i.consumed and ($18::bool or i.id = any($19::bigint[])) and i.dedupe_key is null
),
thread as (
  update threads t set open_runs = t.open_runs - 1 from guarded g where $18::bool and t.id = g.thread_id
  returning t.id, t.open_runs
)
select t.id::text as thread_id, t.open_runs from guarded left join thread t on true`,
};

/** The run's row as it is after a refusal. An input that has come is not taken back, since only the holder consumes. */
const STANDING = {
  name: "commit-standing",
  text: `select epoch, last_seq, inbox, lease_owner is not null as leased, thread_id::text
    from runs where id = $2::uuid and tenant_id = $1::uuid`,
};

interface Standing {
  readonly epoch: number;
  readonly last_seq: number;
  readonly inbox: number;
  readonly leased: boolean;
  readonly thread_id: string | null;
}

/** Tries before a refusal that explains itself by nothing is taken for a bug. */
const TRIES_MAX = 5;

export async function commit(sql: Sql, params: Commit): Promise<CommitOutcome> {
  const { tenantId, runId, afterSeq } = params;
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    const [written] = await sql.query<{ thread_id: string | null; open_runs: number | null }>(COMMIT, values(params));
    if (written !== undefined) {
      if (written.thread_id === null || written.open_runs === 0) return { kind: "committed", wakes: [] };
      return { kind: "committed", wakes: await wakeThread(sql, { tenantId, threadId: written.thread_id }) };
    }
    const [row] = await sql.query<Standing>(STANDING, [tenantId, runId]);
    const verdict = judgeCommit(row === undefined ? null : standingOf(row), params);
    switch (verdict) {
      case "fenced":
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
  throw new Error(`the commit of run ${runId} after seq ${afterSeq} was refused although everything fits`);
}

function standingOf(row: Standing): RunStanding {
  return { epoch: row.epoch, lastSeq: row.last_seq, inbox: row.inbox, isLeased: row.leased };
}

function values(params: Commit): SqlValue[] {
  const { run, lease, calls } = params;
  const terminal = isTerminalStatus(run.status);
  return [
    params.tenantId,
    params.runId,
    params.epoch,
    params.afterSeq,
    params.afterSeq + params.facts.length,
    params.inboxMustBe,
    run.status,
    run.steps,
    run.openStep,
    JSON.stringify(run.usage),
    run.output === null ? null : JSON.stringify(run.output),
    run.error === null ? null : JSON.stringify(run.error),
    run.startedAt,
    run.completedAt,
    params.progress,
    // R6: an ended run is nobody's, whatever the caller says.
    terminal || lease.kind === "release",
    lease.kind === "release" ? lease.wakeAt : null,
    terminal,
    params.consumed,
    ...eventArrays(params.facts),
    ...eventArrays(params.deltas),
    ...callArrays(calls),
  ];
}

function callArrays(calls: readonly CallProjection[]): SqlValue[] {
  const columns: readonly ((call: CallProjection) => string | number | boolean | null)[] = [
    (call) => call.callId,
    (call) => call.toolName,
    (call) => call.step,
    (call) => JSON.stringify(call.args),
    (call) => call.target,
    (call) => call.status,
    (call) => call.attempt,
    (call) => call.repeatable,
    (call) => call.recipient?.kind ?? null,
    (call) => (call.recipient?.kind === "key" ? call.recipient.deviceKey : null),
    (call) => JSON.stringify(call.recipient?.kind === "any" ? labelTexts(call.recipient.labels) : []),
    (call) => (call.recipient?.kind === "any" ? call.recipient.platform : null),
    (call) => call.deadline,
    (call) => (call.result === undefined ? null : JSON.stringify(call.result)),
    (call) => (call.error === null ? null : JSON.stringify(call.error)),
    (call) => call.source,
    (call) => call.deviceId,
    (call) => call.requestedAt,
    (call) => call.dispatchedAt,
    (call) => call.settledAt,
  ];
  return columns.map((column) => calls.map(column));
}
