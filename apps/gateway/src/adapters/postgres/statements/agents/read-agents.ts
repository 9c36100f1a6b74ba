import type { AgentConfig } from "@hsafa/protocol";
import type { FleetStore } from "../../../../ports/fleet-store.ts";
import type { Sql } from "../../sql.ts";
import { tenantStatement } from "../../statement.ts";

/** As a text: Postgres reads no field of a JSON value that holds the character 0 or half a pair anywhere. */
const READ_AGENTS = tenantStatement({
  name: "read-agents",
  parameters: { names: "text[]" },
  text: `
select a.name, a.id::text as agent_id, v.id::text as version_id, v.config_json::text as config
from agents a join agent_versions v on v.id = a.current_version_id
where a.tenant_id = :tenantId and a.name = any(:names)`,
});

interface Row {
  readonly name: string;
  readonly agent_id: string;
  readonly version_id: string;
  readonly config: string;
}

export async function readAgents(
  sql: Sql,
  { tenantId, names }: Parameters<FleetStore["readAgents"]>[0],
): ReturnType<FleetStore["readAgents"]> {
  const rows = await sql.query<Row>(READ_AGENTS({ tenantId, names }));
  return Object.fromEntries(
    rows.map((row) => {
      const { maxSteps, limits } = JSON.parse(row.config) as Partial<AgentConfig>;
      return [row.name, { agentId: row.agent_id, versionId: row.version_id, terms: { maxSteps, limits } }];
    }),
  );
}
