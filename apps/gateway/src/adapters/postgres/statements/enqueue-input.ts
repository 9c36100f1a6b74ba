import { isTerminalStatus, type RunStatus } from "@hsafa/protocol";
import { INBOX_MAX } from "../../../core/limits.ts";
import type { EnqueueOutcome, TenantStore } from "../../../ports/tenant-store.ts";
import { repeatOnUniqueViolation, type Sql } from "../sql.ts";

/**
 * The run's row is locked first, so what is decided is decided on it as it is. `lease_owner is null`: a healthy holder is told by its renewal, not robbed. A run that waits for its
 * turn in a thread (never claimed, nothing set) is woken by the end of the one before it and not by a message; a cancel need not wait.
 * Two of the same dedupe key at once: the second violates the key, is undone whole, and is done again as a duplicate.
 */
const ENQUEUE_INPUT = {
  name: "enqueue-input",
  text: `
with run as (
  select id, tenant_id, status, inbox, status in ('completed', 'failed', 'canceled') as ended
  from runs where id = $2::uuid and tenant_id = $1::uuid
  for no key update
),
earlier as (
  select body_hash from run_inputs where run_id = $2::uuid and tenant_id = $1::uuid and dedupe_key = $4::text
),
raised as (
  update runs r set
    inbox = r.inbox + 1,
    wake_at = case when r.lease_owner is null and (r.epoch > 0 or r.wake_at is not null or $6::bool) then now() else r.wake_at end
  from run
  where r.id = run.id and not run.ended and run.inbox < ${INBOX_MAX} and not exists (select from earlier)
  returning r.id, r.tenant_id
),
inserted as (
  insert into run_inputs (tenant_id, run_id, input, dedupe_key, body_hash)
  select tenant_id, id, $3::text::json, $4::text, $5::text from raised
)
select run.status, raised.id is not null as accepted, earlier.body_hash as earlier_hash
from run left join raised on true left join earlier on true`,
};

interface Row {
  readonly status: RunStatus;
  readonly accepted: boolean;
  readonly earlier_hash: string | null;
}

type Params = Parameters<TenantStore["enqueue"]>[0];

export async function enqueueInput(sql: Sql, tenantId: string, params: Params): Promise<EnqueueOutcome> {
  const { runId, input, dedupe } = params;
  const [row] = await repeatOnUniqueViolation(() =>
    sql.query<Row>(ENQUEUE_INPUT, [
      tenantId,
      runId,
      JSON.stringify(input),
      dedupe?.key ?? null,
      dedupe?.bodyHash ?? null,
      input.kind === "cancel",
    ]),
  );
  if (row === undefined) return { kind: "not_found" };
  const { status } = row;
  if (row.accepted) return { kind: "accepted", status };
  if (row.earlier_hash !== null)
    return { kind: row.earlier_hash === dedupe?.bodyHash ? "duplicate" : "conflict", status };
  return isTerminalStatus(status) ? { kind: "ended", status } : { kind: "inbox_full" };
}
