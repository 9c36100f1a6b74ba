import { firstId } from "../../first-id.ts";
import { tenantStatement } from "../../statement.ts";
import { millis } from "../../times.ts";
import type { ConfigPayload } from "../read-payloads.ts";

/** SQL: the small columns of an agent, of the table `agents` under the name `a`. */
const AGENT_COLUMNS = `a.id::text, a.name, ${millis("a.created_at")} as created_at, ${millis("a.updated_at")} as updated_at`;

/** SQL: the small columns of a version, of the table `agent_versions` under the name `v`. */
const VERSION_COLUMNS = `v.id::text as version_id, v.agent_id::text, v.version, v.config_hash,
  ${millis("v.created_at")} as version_created_at`;

/** SQL: the columns of a version that may be large. */
const CONFIG_COLUMNS = "v.config_json as config, v.description";

/** SQL: an agent with its current version. */
const AGENTS = "agents a left join agent_versions v on v.id = a.current_version_id and v.tenant_id = a.tenant_id";

/** SQL: the id of the agent that is named. */
export const NAMED_AGENT = firstId("agents", ["id = :agentId", "name = :name"]);

/** The small columns of an agent. Times are in ms. */
interface AgentColumns {
  readonly id: string;
  readonly name: string;
  readonly created_at: number;
  readonly updated_at: number;
}

/** The small columns of a version. */
interface VersionColumns {
  readonly version_id: string;
  readonly agent_id: string;
  readonly version: string;
  readonly config_hash: string;
  readonly version_created_at: number;
}

/** An agent that has no version has none of its columns. */
interface NoVersion {
  readonly version_id: null;
}

/** An agent as it is found, and as it is listed. */
export type AgentRow = AgentColumns & ((VersionColumns & ConfigPayload) | NoVersion);
export type ListedAgent = AgentColumns & (VersionColumns | NoVersion);

/** A version as it is found, and as it is listed. */
export type VersionRow = VersionColumns & ConfigPayload;
export type ListedVersion = VersionColumns & { readonly id: string };

/** Reads an agent with its current version. `agentId` null: by its name. */
export const FIND_AGENT = tenantStatement({
  name: "find-agent",
  parameters: { agentId: "uuid?", name: "text?" },
  text: `
select ${AGENT_COLUMNS}, ${VERSION_COLUMNS}, ${CONFIG_COLUMNS} from ${AGENTS}
where a.id = ${NAMED_AGENT} and a.tenant_id = :tenantId`,
});

/** Reads the id of an agent alone. */
export const FIND_AGENT_ID = tenantStatement({
  name: "find-agent-id",
  parameters: { agentId: "uuid?", name: "text?" },
  text: `
select ${NAMED_AGENT}::text as id`,
});

/** Reads a version of an agent. `agentId` null: by its name. */
export const FIND_VERSION = tenantStatement({
  name: "find-version",
  parameters: { versionId: "uuid", agentId: "uuid?", name: "text?" },
  text: `
select ${VERSION_COLUMNS}, ${CONFIG_COLUMNS}
from agent_versions v join agents a on a.id = v.agent_id and a.tenant_id = v.tenant_id
where v.tenant_id = :tenantId and v.id = :versionId and a.id = ${NAMED_AGENT}`,
});

/** Lists agents with their current versions, newest first. */
export const LIST_AGENTS = tenantStatement({
  name: "list-agents",
  parameters: { after: "uuid", take: "int" },
  text: `
select ${AGENT_COLUMNS}, ${VERSION_COLUMNS} from ${AGENTS}
where a.tenant_id = :tenantId and a.id < :after
order by a.id desc limit :take`,
});

/** Lists versions of an agent, newest first. */
export const LIST_VERSIONS = tenantStatement({
  name: "list-versions",
  parameters: { agentId: "uuid", after: "uuid", take: "int" },
  text: `
select v.id::text, ${VERSION_COLUMNS} from agent_versions v
where v.tenant_id = :tenantId and v.agent_id = :agentId and v.id < :after
order by v.id desc limit :take`,
});
