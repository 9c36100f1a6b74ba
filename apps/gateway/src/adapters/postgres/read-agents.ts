import { type Agent, type AgentVersion, isId, type JsonObject, type Page } from "@hsafa/protocol";
import { storableText } from "../../ports/storable-text.ts";
import type { PageParams, TenantStore } from "../../ports/tenant-store.ts";
import { readBoundedPage } from "./page.ts";
import type { Prisma, PrismaClient } from "./prisma.ts";
import type { TenantSql } from "./sql.ts";
import { AGENT_PAYLOADS, type ConfigPayload, type PayloadRow, VERSION_PAYLOADS } from "./statements/read-payloads.ts";
import type { TenantId } from "../../core/tenant-id.ts";

interface Databases {
  readonly sql: TenantSql;
  readonly prisma: Prisma;
}

const WITH_CURRENT = { currentVersion: true } as const;

type AgentRow = NonNullable<Awaited<ReturnType<typeof firstAgent>>>;
type VersionRow = NonNullable<AgentRow["currentVersion"]>;

function named(tenantId: TenantId, idOrName: string) {
  return isId(idOrName) ? { tenantId, id: idOrName } : { tenantId, name: storableText(idOrName) };
}

function firstAgent(client: PrismaClient, tenantId: TenantId, idOrName: string) {
  return client.agent.findFirst({ where: named(tenantId, idOrName), include: WITH_CURRENT });
}

export async function findAgent(
  prisma: Prisma,
  tenantId: TenantId,
  { idOrName }: Parameters<TenantStore["findAgent"]>[0],
): Promise<Agent | null> {
  const row = await prisma.read(tenantId, (client) => firstAgent(client, tenantId, idOrName));
  return row === null ? null : agentOf(row);
}

export function listAgents({ sql, prisma }: Databases, tenantId: TenantId, params: PageParams): Promise<Page<Agent>> {
  return readBoundedPage(
    params,
    ({ after, take }) =>
      prisma.read(tenantId, (client) =>
        client.agent.findMany({
          where: { tenantId, id: { lt: after } },
          include: { currentVersion: { omit: { config: true, description: true } } },
          orderBy: { id: "desc" },
          take,
        }),
      ),
    (ids) => sql.query<PayloadRow<ConfigPayload>>(AGENT_PAYLOADS({ ids, tenantId })),
    ({ currentVersion, ...row }, { config, description }) =>
      agentOf({ ...row, currentVersion: currentVersion === null ? null : { ...currentVersion, config, description } }),
  );
}

export async function listVersions(
  { sql, prisma }: Databases,
  tenantId: TenantId,
  params: Parameters<TenantStore["listVersions"]>[0],
): Promise<Page<AgentVersion> | null> {
  const agent = await prisma.read(tenantId, (client) =>
    client.agent.findFirst({ where: named(tenantId, params.idOrName), select: { id: true } }),
  );
  if (agent === null) return null;
  return readBoundedPage(
    params,
    ({ after, take }) =>
      prisma.read(tenantId, (client) =>
        client.agentVersion.findMany({
          where: { tenantId, agentId: agent.id, id: { lt: after } },
          omit: { config: true, description: true },
          orderBy: { id: "desc" },
          take,
        }),
      ),
    (ids) => sql.query<PayloadRow<ConfigPayload>>(VERSION_PAYLOADS({ ids, tenantId })),
    (row, payload) => versionOf({ ...row, ...payload }),
  );
}

export async function findVersion(
  prisma: Prisma,
  tenantId: TenantId,
  params: Parameters<TenantStore["findVersion"]>[0],
): Promise<AgentVersion | null> {
  const { idOrName, versionId } = params;
  const row = await prisma.read(tenantId, (client) =>
    client.agentVersion.findFirst({ where: { tenantId, id: versionId, agent: named(tenantId, idOrName) } }),
  );
  return row === null ? null : versionOf(row);
}

function agentOf(row: AgentRow): Agent {
  return {
    id: row.id,
    name: row.name,
    description: row.currentVersion?.description ?? null,
    currentVersion: row.currentVersion === null ? null : versionOf(row.currentVersion),
    createdAt: row.createdAt.toISOString(),
    updatedAt: row.updatedAt.toISOString(),
  };
}

function versionOf(row: VersionRow): AgentVersion {
  return {
    id: row.id,
    agentId: row.agentId,
    version: row.version,
    configHash: row.configHash,
    config: row.config as JsonObject,
    description: row.description,
    createdAt: row.createdAt.toISOString(),
  };
}
