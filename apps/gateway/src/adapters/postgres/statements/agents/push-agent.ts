import { type PushedAgent } from "@hsafa/protocol";
import { agentConfigSchema } from "@hsafa/protocol/schema";
import { v7 } from "uuid";
import { namedDeviceKeys } from "../../../../core/recipient.ts";
import type { TenantStore } from "../../../../ports/tenant-store.ts";
import { repeatOnUniqueViolation, type Sql } from "../../sql.ts";

/**
 * The agent's row is locked by the upsert, and numbers the versions. Two pushes of one new config at once collide over
 * its hash; the second is done again and finds it.
 */
const PUSH_AGENT = {
  name: "push-agent",
  text: `
with known as (
  select v.id, v.version from agents a join agent_versions v on v.agent_id = a.id
  where a.tenant_id = $1::uuid and a.name = $2 and v.config_hash = $7
),
agent as (
  insert into agents as a (id, tenant_id, name, current_version_id, version_count)
  values ($3::uuid, $1::uuid, $2, case when $9::bool then $4::uuid end, 1)
  on conflict (tenant_id, name) do update set
    current_version_id = case when $9::bool then coalesce((select id from known), $4::uuid) else a.current_version_id end,
    version_count = a.version_count + (not exists (select from known))::int,
    updated_at = case
      when not exists (select from known) or ($9::bool and a.current_version_id is distinct from (select id from known)) then now()
      else a.updated_at
    end
  returning id, version_count
),
made as (
  insert into agent_versions (id, tenant_id, agent_id, version, description, config_json, config_hash, device_keys)
  select $4::uuid, $1::uuid, agent.id, coalesce($5::text, agent.version_count::text), $6::text, $8::text::json, $7, $10::text[]
  from agent where not exists (select from known)
  returning id, version
)
select agent.id::text as agent_id, v.id::text as version_id, v.version, v.created
from agent, (select id, version, false as created from known union all select id, version, true from made) as v`,
};

interface Row {
  readonly agent_id: string;
  readonly version_id: string;
  readonly version: string;
  readonly created: boolean;
}

type Params = Parameters<TenantStore["pushAgent"]>[0];

export async function pushAgent(sql: Sql, tenantId: string, params: Params): Promise<PushedAgent> {
  const { name, version, description, config, configHash, promote } = params;
  const [row] = await repeatOnUniqueViolation(() =>
    sql.query<Row>(PUSH_AGENT, [
      tenantId,
      name,
      v7(),
      v7(),
      version,
      description,
      configHash,
      JSON.stringify(config),
      promote,
      namedDeviceKeys(agentConfigSchema.parse(config).tools),
    ]),
  );
  if (row === undefined) throw new Error("a version that was made or found is answered");
  return { agentId: row.agent_id, versionId: row.version_id, version: row.version, configHash, created: row.created };
}
