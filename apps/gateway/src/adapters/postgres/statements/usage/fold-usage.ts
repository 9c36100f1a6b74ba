import { USAGE_CHANGES_FOLDED_MAX } from "../../../../ports/limits.ts";
import { TODAY } from "../../times.ts";
import { fleetStatement } from "../../statement.ts";
import type { Sql } from "../../sql.ts";

/**
 * Changes that another fold has locked are left to it. Tenants are locked in one order, so two folds do not deadlock.
 * Tokens of an earlier day count no more.
 */
const FOLD_USAGE = fleetStatement({
  name: "fold-usage",
  parameters: {},
  text: `
with taken as (
  select tenant_id, id from tenant_usage_changes limit ${USAGE_CHANGES_FOLDED_MAX} for update skip locked
),
moved as (
  delete from tenant_usage_changes c using taken where c.tenant_id = taken.tenant_id and c.id = taken.id returning c.*
)
insert into tenant_usage as u (
  tenant_id, queued_runs, active_runs, devices, threads, agent_versions, stored_bytes, tokens, tokens_day
)
select tenant_id, sum(queued_runs), sum(active_runs), sum(devices), sum(threads), sum(agent_versions),
  sum(stored_bytes), coalesce(sum(tokens) filter (where tokens_day = ${TODAY}), 0), ${TODAY}
from moved group by tenant_id order by tenant_id
on conflict (tenant_id) do update set
  queued_runs = u.queued_runs + excluded.queued_runs, active_runs = u.active_runs + excluded.active_runs,
  devices = u.devices + excluded.devices, threads = u.threads + excluded.threads,
  agent_versions = u.agent_versions + excluded.agent_versions, stored_bytes = u.stored_bytes + excluded.stored_bytes,
  tokens = case when u.tokens_day = excluded.tokens_day then u.tokens else 0 end + excluded.tokens,
  tokens_day = excluded.tokens_day`,
});

export async function foldUsage(sql: Sql): Promise<void> {
  await sql.query(FOLD_USAGE({}));
}
