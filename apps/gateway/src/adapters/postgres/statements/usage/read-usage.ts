import { QUOTA_NAMES, type Quotas } from "@hsafa/protocol";
import type { TenantUsage } from "../../../../core/quotas.ts";
import type { TenantStore } from "../../../../ports/tenant-store.ts";
import { TODAY } from "../../times.ts";
import { tenantStatement } from "../../statement.ts";
import type { TenantSql } from "../../sql.ts";
import type { TenantId } from "../../../../core/tenant-id.ts";
import { ACTOR, actorText, audited } from "../audit/audited.ts";

/** What the last fold left and the changes since then, as of one moment. */
const READ_USAGE = tenantStatement({
  name: "read-usage",
  parameters: {},
  text: `
select (select limits::text from tenant_limits where tenant_id = :tenantId) as limits,
  (coalesce(u.queued_runs, 0) + c.queued_runs)::float8 as "queuedRuns",
  (coalesce(u.active_runs, 0) + c.active_runs)::float8 as "activeRuns",
  (coalesce(u.devices, 0) + c.devices)::float8 as "devices",
  (coalesce(u.threads, 0) + c.threads)::float8 as "threads",
  (coalesce(u.agent_versions, 0) + c.agent_versions)::float8 as "agentVersions",
  (coalesce(u.stored_bytes, 0) + c.stored_bytes)::float8 as "storedBytes",
  (case when u.tokens_day = ${TODAY} then u.tokens else 0 end + c.tokens)::float8 as "tokensPerDay"
from (
  select coalesce(sum(queued_runs), 0) as queued_runs, coalesce(sum(active_runs), 0) as active_runs,
    coalesce(sum(devices), 0) as devices, coalesce(sum(threads), 0) as threads,
    coalesce(sum(agent_versions), 0) as agent_versions, coalesce(sum(stored_bytes), 0) as stored_bytes,
    coalesce(sum(tokens) filter (where tokens_day = ${TODAY}), 0) as tokens
  from tenant_usage_changes where tenant_id = :tenantId
) as c left join tenant_usage u on u.tenant_id = :tenantId`,
});

/** A limit of null takes the name out of the object. */
const SET_LIMITS = tenantStatement({
  name: "set-limits",
  parameters: { limits: "json", ...ACTOR },
  text: `
with changed as (
  insert into tenant_limits as t (tenant_id, limits) values (:tenantId, :limits)
  on conflict (tenant_id) do update set limits = (
    select coalesce(json_object_agg(key, value), '{}'::json)
    from (
      select key, value from json_each(t.limits) where key not in (select json_object_keys(:limits))
      union all
      select key, value from json_each(:limits) where json_typeof(value) <> 'null'
    ) as merged
  )
  returning tenant_id
),
${audited({
  action: "quota.set",
  outcome: "'set'",
  targets: {},
  details: { sql: "json_build_object('limits', :limits)" },
  from: "changed",
})}
select tenant_id from changed`,
});

type Limits = Parameters<TenantStore["setLimits"]>[0]["limits"];
type Row = Quotas & { readonly limits: string | null };

export async function readUsage(sql: TenantSql, tenantId: TenantId): Promise<TenantUsage> {
  const [row] = await sql.query<Row>(READ_USAGE({ tenantId }));
  if (row === undefined) throw new Error("the sum of a tenant's changes is always one row");
  const used = Object.fromEntries(QUOTA_NAMES.map((name) => [name, row[name]])) as Record<keyof Quotas, number>;
  return { used, limits: row.limits === null ? {} : setLimitsOf(JSON.parse(row.limits) as Limits) };
}

/** The limits that are set. The first insert keeps a null as it came. */
function setLimitsOf(limits: Limits): Partial<Quotas> {
  return Object.fromEntries(Object.entries(limits).filter(([, limit]) => limit !== null));
}

export async function setLimits(
  sql: TenantSql,
  tenantId: TenantId,
  { limits, by }: Parameters<TenantStore["setLimits"]>[0],
): Promise<void> {
  await sql.query(SET_LIMITS({ tenantId, limits: JSON.stringify(limits), actor: actorText(by) }));
}
