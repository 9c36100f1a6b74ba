import { type Agent, type AgentVersion, isId, type Page } from "@hsafa/protocol";
import { storableText } from "../../ports/storable-text.ts";
import type { PageParams, TenantStore } from "../../ports/tenant-store.ts";
import { BEYOND_ALL_IDS } from "./index-range.ts";
import { readBoundedPage } from "./page.ts";
import type { TenantSql } from "./sql.ts";
import {
  type AgentRow,
  FIND_AGENT,
  FIND_AGENT_ID,
  FIND_VERSION,
  LIST_AGENTS,
  LIST_VERSIONS,
  type ListedAgent,
  type ListedVersion,
  type VersionRow,
} from "./statements/agents/find-agent.ts";
import { AGENT_PAYLOADS, type ConfigPayload, type PayloadRow, VERSION_PAYLOADS } from "./statements/read-payloads.ts";
import type { TenantId } from "../../core/tenant-id.ts";

function named(idOrName: string): { readonly agentId: string | null; readonly name: string | null } {
  return isId(idOrName) ? { agentId: idOrName, name: null } : { agentId: null, name: storableText(idOrName) };
}

export async function findAgent(
  sql: TenantSql,
  tenantId: TenantId,
  { idOrName }: Parameters<TenantStore["findAgent"]>[0],
): Promise<Agent | null> {
  const [row] = await sql.query<AgentRow>(FIND_AGENT({ tenantId, ...named(idOrName) }));
  return row === undefined ? null : agentOf(row);
}

export function listAgents(sql: TenantSql, tenantId: TenantId, params: PageParams): Promise<Page<Agent>> {
  return readBoundedPage(
    params,
    ({ after = BEYOND_ALL_IDS, take }) => sql.query<ListedAgent>(LIST_AGENTS({ tenantId, after, take })),
    (ids) => sql.query<PayloadRow<ConfigPayload>>(AGENT_PAYLOADS({ ids, tenantId })),
    (row, { config, description }) =>
      row.version_id === null ? agentOf(row) : agentOf({ ...row, config, description }),
  );
}

export async function listVersions(
  sql: TenantSql,
  tenantId: TenantId,
  params: Parameters<TenantStore["listVersions"]>[0],
): Promise<Page<AgentVersion> | null> {
  const [agent] = await sql.query<{ readonly id: string | null }>(
    FIND_AGENT_ID({ tenantId, ...named(params.idOrName) }),
  );
  const agentId = agent?.id ?? null;
  if (agentId === null) return null;
  return readBoundedPage(
    params,
    ({ after = BEYOND_ALL_IDS, take }) => sql.query<ListedVersion>(LIST_VERSIONS({ tenantId, agentId, after, take })),
    (ids) => sql.query<PayloadRow<ConfigPayload>>(VERSION_PAYLOADS({ ids, tenantId })),
    (row, { config, description }) => versionOf({ ...row, config, description }),
  );
}

export async function findVersion(
  sql: TenantSql,
  tenantId: TenantId,
  { idOrName, versionId }: Parameters<TenantStore["findVersion"]>[0],
): Promise<AgentVersion | null> {
  const [row] = await sql.query<VersionRow>(FIND_VERSION({ tenantId, versionId, ...named(idOrName) }));
  return row === undefined ? null : versionOf(row);
}

function agentOf(row: AgentRow): Agent {
  const currentVersion = row.version_id === null ? null : versionOf(row);
  return {
    id: row.id,
    name: row.name,
    description: currentVersion?.description ?? null,
    currentVersion,
    createdAt: new Date(row.created_at).toISOString(),
    updatedAt: new Date(row.updated_at).toISOString(),
  };
}

function versionOf(row: VersionRow): AgentVersion {
  return {
    id: row.version_id,
    agentId: row.agent_id,
    version: row.version,
    configHash: row.config_hash,
    config: row.config,
    description: row.description,
    createdAt: new Date(row.version_created_at).toISOString(),
  };
}
