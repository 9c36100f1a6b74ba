import { type Agent, isId } from "@hsafa/protocol";
import type { TenantStore } from "../../../../ports/tenant-store.ts";
import { findAgent } from "../../read-agents.ts";
import type { TenantSql } from "../../sql.ts";
import type { TenantId } from "../../../../core/tenant-id.ts";
import { tenantStatement } from "../../statement.ts";
import { NAMED_AGENT } from "./find-agent.ts";
import { ACTOR, actorText, audited } from "../audit/audited.ts";

const PROMOTE_VERSION = tenantStatement({
  name: "promote-version",
  parameters: { agentId: "uuid?", name: "text?", versionId: "uuid", ...ACTOR },
  text: `
with agent as materialized (
  select a.id, a.name, a.current_version_id, v.version
  from agents a join agent_versions v on v.agent_id = a.id
  where a.id = ${NAMED_AGENT} and a.tenant_id = :tenantId
    and v.tenant_id = :tenantId and v.id = :versionId
  for no key update of a
),
promoted as (
  update agents a set current_version_id = :versionId, updated_at = now() from agent where a.id = agent.id
),
${audited({
  action: "agent.promote",
  outcome: "'promoted'",
  targets: { agentId: "id", agentName: "name", versionId: ":versionId", version: "version" },
  from: "agent where current_version_id is distinct from :versionId",
})}
select id from agent`,
});

export async function promoteVersion(
  sql: TenantSql,
  tenantId: TenantId,
  { idOrName, versionId, by }: Parameters<TenantStore["promoteVersion"]>[0],
): Promise<Agent | null> {
  const named = isId(idOrName) ? { agentId: idOrName, name: null } : { agentId: null, name: idOrName };
  const found = await sql.query(PROMOTE_VERSION({ tenantId, ...named, versionId, actor: actorText(by) }));
  return found.length === 0 ? null : findAgent(sql, tenantId, { idOrName });
}
