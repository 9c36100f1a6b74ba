import { PARENT_IS_DONE } from "../../core/told-parent.ts";
import type { OutsideInput } from "../../core/input.ts";
import type { Commit } from "../../ports/fleet-store.ts";
import type { ValuesOf } from "./statement.ts";
import { OPEN_RUN } from "./status-lists.ts";
import { time } from "./times.ts";

/** SQL of a commit, as far as it is about the runs above and below. `guarded` is the run, as `commit.ts` has it. */

/** Parameters of a commit about its children and its parent. */
export const RELATIVE_PARAMETERS = {
  childIds: "uuid[]",
  childAgentIds: "uuid[]",
  childVersionIds: "uuid[]",
  childLimits: "text[]",
  childLastSeqs: "int[]",
  childEventRunIds: "uuid[]",
  childEventSeqs: "int[]",
  childEventTypes: "text[]",
  childEventPayloads: "text[]",
  childEventTimes: "float8[]",
  settledCalls: "uuid[]",
  orphanInput: "json",
  orphanBytes: "int",
  parentRunId: "uuid?",
  parentInput: "json",
  parentBytes: "int",
} as const;

/** SQL: the open children of the calls that the commit settles, locked before the run's own row. */
export const ORPHANS = `orphans as materialized (
  select o.id, case when o.inbox = 0 then 0 else o.inbox_bytes end as inbox_bytes from runs o
  where o.id = any(:settledCalls) and o.parent_run_id = :runId and o.tenant_id = :tenantId and o.status in ${OPEN_RUN}
  order by o.id desc
  for no key update
)`;

/** SQL: the columns of `guarded` that a child takes over. */
export const PARENT_COLUMNS = "root_run_id, root_thread_id, depth, device_key, started_by";

/** SQL: the children are made, those whose call is settled are canceled once, and the parent is told of the end. */
export const RELATIVES = `born as (
  insert into runs (
    id, tenant_id, agent_id, agent_version_id, parent_run_id, root_run_id, root_thread_id, depth, device_key, metadata,
    limits, started_by, subject, status, wake_at, last_seq, usage, created_at
  )
  select n.id, g.tenant_id, n.agent_id, n.version_id, g.id, coalesce(g.root_run_id, g.id),
    coalesce(g.root_thread_id, g.thread_id), g.depth + 1, g.device_key, '{}', n.limits::json, g.started_by, g.subject,
    'queued', now(), n.last_seq, '{}', now()
  from guarded g, unnest(:childIds, :childAgentIds, :childVersionIds, :childLimits, :childLastSeqs)
    as n (id, agent_id, version_id, limits, last_seq)
),
born_events as (
  insert into run_events (tenant_id, run_id, seq, sub, prev_seq, prev_sub, type, payload, bytes, created_at)
  select g.tenant_id, e.run_id, e.seq, 0, e.seq - 1, 0, e.type, e.payload::json, octet_length(e.payload), ${time("e.ts")}
  from guarded g, unnest(:childEventRunIds, :childEventSeqs, :childEventTypes, :childEventPayloads, :childEventTimes)
    as e (run_id, seq, type, payload, ts)
),
orphaned as (
  update runs r set
    inbox = r.inbox + 1,
    inbox_bytes = o.inbox_bytes + :orphanBytes,
    wake_at = case when r.lease_owner is null then now() else r.wake_at end
  from orphans o, guarded g
  where r.id = o.id and not exists (select from run_inputs i where i.run_id = o.id and i.dedupe_key = 'cancel')
  returning r.id, r.tenant_id
),
orphan_inputs as (
  insert into run_inputs (tenant_id, run_id, kind, input, bytes, dedupe_key, body_hash)
  select tenant_id, id, 'cancel', :orphanInput, :orphanBytes, 'cancel', '' from orphaned
),
parent as (
  update runs p set
    inbox = p.inbox + 1,
    inbox_bytes = case when p.inbox = 0 then 0 else p.inbox_bytes end + :parentBytes,
    wake_at = case when p.lease_owner is null then now() else p.wake_at end
  from guarded g
  where p.id = :parentRunId and p.tenant_id = g.tenant_id and p.status in ${OPEN_RUN}
  returning p.id, p.tenant_id
),
parent_inputs as (
  insert into run_inputs (tenant_id, run_id, kind, input, bytes)
  select tenant_id, id, 'tool_result', :parentInput, :parentBytes from parent
)`;

/** What a commit does to the runs above and below; null: nothing. */
export function relativeValues({ children, tellsParent, calls }: Commit): ValuesOf<typeof RELATIVE_PARAMETERS> | null {
  const events = children.flatMap((child) => child.facts.map((record) => ({ ...record, runId: child.runId })));
  const orphanInput = JSON.stringify({ kind: "cancel", reason: PARENT_IS_DONE } satisfies OutsideInput);
  const parentInput = JSON.stringify(tellsParent?.input ?? null);
  // Only what the server executes may be a child.
  const settled = calls.filter(({ target, settledAt }) => target === "server" && settledAt !== null);
  if (children.length === 0 && tellsParent === null && settled.length === 0) return null;
  return {
    childIds: children.map((child) => child.runId),
    childAgentIds: children.map((child) => child.agentId),
    childVersionIds: children.map((child) => child.versionId),
    childLimits: children.map((child) => JSON.stringify(child.limits)),
    childLastSeqs: children.map((child) => child.facts.length),
    childEventRunIds: events.map((event) => event.runId),
    childEventSeqs: events.map((event) => event.seq),
    childEventTypes: events.map((event) => event.type),
    childEventPayloads: events.map((event) => event.payload),
    childEventTimes: events.map((event) => event.ts),
    settledCalls: settled.map(({ callId }) => callId),
    orphanInput,
    orphanBytes: Buffer.byteLength(orphanInput),
    parentRunId: tellsParent?.runId ?? null,
    parentInput,
    parentBytes: Buffer.byteLength(parentInput),
  };
}
