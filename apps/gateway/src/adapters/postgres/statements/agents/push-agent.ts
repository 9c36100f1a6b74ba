import { type PushedAgent } from "@hsafa/protocol";
import { storedAgentConfigSchema } from "@hsafa/protocol/schema";
import { v7 } from "uuid";
import { namedDeviceKeys } from "../../../../core/recipient.ts";
import type { TenantStore } from "../../../../ports/tenant-store.ts";
import { tenantStatement } from "../../statement.ts";
import { repeatOnUniqueViolation, type TenantSql } from "../../sql.ts";
import type { TenantId } from "../../../../core/tenant-id.ts";
import { ACTOR, actorText, audited } from "../audit/audited.ts";

/**
 * The agent's row is locked first: its lock numbers the versions, and tells what a promotion changes. Two pushes of one
 * new config collide over its hash. The second is done again and finds the version.
 */
const PUSH_AGENT = tenantStatement({
  name: "push-agent",
  parameters: {
    name: "text",
    agentId: "uuid",
    versionId: "uuid",
    version: "text?",
    description: "text?",
    configHash: "text",
    config: "json",
    promote: "bool",
    deviceKeys: "text[]",
    ...ACTOR,
  },
  text: `
with known as (
  select v.id, v.version from agents a join agent_versions v on v.agent_id = a.id
  where a.tenant_id = :tenantId and a.name = :name and v.config_hash = :configHash
),
before as materialized (
  select current_version_id from agents where tenant_id = :tenantId and name = :name for no key update
),
agent as (
  insert into agents as a (id, tenant_id, name, current_version_id, version_count)
  select :agentId, :tenantId, :name, case when :promote then :versionId end, 1 from (select count(*) from before) as locked
  on conflict (tenant_id, name) do update set
    current_version_id = case when :promote then coalesce((select id from known), :versionId) else a.current_version_id end,
    version_count = a.version_count + (not exists (select from known))::int,
    updated_at = case
      when not exists (select from known) or (:promote and a.current_version_id is distinct from (select id from known)) then now()
      else a.updated_at
    end
  returning id, version_count
),
made as (
  insert into agent_versions (id, tenant_id, agent_id, version, description, config_json, config_hash, device_keys)
  select :versionId, :tenantId, agent.id, coalesce(:version, agent.version_count::text), :description, :config, :configHash, :deviceKeys
  from agent where not exists (select from known)
  returning id, version
),
version as (select id, version, false as created from known union all select id, version, true from made),
${audited({
  action: "agent.push",
  outcome: "case when v.created then 'created' else 'promoted' end",
  targets: { agentId: "agent.id", agentName: ":name", versionId: "v.id", version: "v.version" },
  details: { configHash: ":configHash", promoted: ":promote" },
  from: "agent, version v where v.created or :promote and v.id is distinct from (select current_version_id from before)",
})}
select agent.id::text as agent_id, v.id::text as version_id, v.version, v.created from agent, version v`,
});

interface Row {
  readonly agent_id: string;
  readonly version_id: string;
  readonly version: string;
  readonly created: boolean;
}

type Params = Parameters<TenantStore["pushAgent"]>[0];

export async function pushAgent(sql: TenantSql, tenantId: TenantId, params: Params): Promise<PushedAgent> {
  const { name, version, description, config, configHash, promote, by } = params;
  const [row] = await repeatOnUniqueViolation(() =>
    sql.query<Row>(
      PUSH_AGENT({
        tenantId,
        name,
        agentId: v7(),
        versionId: v7(),
        version,
        description,
        configHash,
        config: JSON.stringify(config),
        promote,
        deviceKeys: namedDeviceKeys(storedAgentConfigSchema.parse(config).tools),
        actor: actorText(by),
      }),
    ),
  );
  if (row === undefined) throw new Error("a push returns the version that it made or found");
  return { agentId: row.agent_id, versionId: row.version_id, version: row.version, configHash, created: row.created };
}
