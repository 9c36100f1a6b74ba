import {
  type Failure,
  type FinishReason,
  type GrantedLimits,
  isId,
  type JsonObject,
  type JsonValue,
  type Page,
  type Run,
  type RunStatus,
  type Usage,
} from "@hsafa/protocol";
import type { RunStarter, StarterOfRun } from "../../ports/run-starter.ts";
import { storableText } from "../../ports/storable-text.ts";
import type { RunBounds, TenantStore } from "../../ports/tenant-store.ts";
import { readBoundedPage } from "./page.ts";
import type { Prisma, PrismaClient } from "./prisma.ts";
import type { TenantSql } from "./sql.ts";
import { type PayloadRow, RUN_PAYLOADS, type RunPayload } from "./statements/read-payloads.ts";
import type { TenantId } from "../../core/tenant-id.ts";

const WITH_AGENT_NAME = { agentVersion: { select: { agent: { select: { name: true } } } } };

type Row = Awaited<ReturnType<typeof smallRows>>[number];

function smallRows(client: PrismaClient, where: object, take: number) {
  const omit = { metadata: true, output: true, error: true } as const;
  return client.run.findMany({ where, include: WITH_AGENT_NAME, omit, orderBy: { id: "desc" }, take });
}

export async function findRun(
  prisma: Prisma,
  tenantId: TenantId,
  { runId }: { readonly runId: string },
): Promise<Run | null> {
  const row = await prisma.read(tenantId, (client) =>
    client.run.findFirst({ where: { id: runId, tenantId }, include: WITH_AGENT_NAME }),
  );
  if (row === null) return null;
  const { metadata, output, error } = row;
  return runOf({
    ...row,
    metadata: metadata as JsonObject,
    output: output as string | null,
    error: error as JsonValue,
  });
}

export async function findRunBounds(
  prisma: Prisma,
  tenantId: TenantId,
  { runId }: { readonly runId: string },
): Promise<RunBounds | null> {
  const select = { id: true, threadId: true, deviceKey: true, subject: true } as const;
  return prisma.read(tenantId, (client) => client.run.findFirst({ where: { id: runId, tenantId }, select }));
}

export async function findStarter(
  prisma: Prisma,
  tenantId: TenantId,
  { runId }: { readonly runId: string },
): Promise<StarterOfRun | null> {
  const select = { startedBy: true, subject: true } as const;
  const row = await prisma.read(tenantId, (client) => client.run.findFirst({ where: { id: runId, tenantId }, select }));
  return row === null ? null : { starter: row.startedBy as unknown as RunStarter | null, subject: row.subject };
}

export async function listRuns(
  { sql, prisma }: { readonly sql: TenantSql; readonly prisma: Prisma },
  tenantId: TenantId,
  params: Parameters<TenantStore["listRuns"]>[0],
): Promise<Page<Run>> {
  const { status, agent, threadId, subject } = params;
  const where = {
    tenantId,
    status,
    subject,
    ...(agent === undefined ? {} : ofAgent(agent)),
    ...(threadId === undefined ? {} : { thread: ofThread(threadId, subject ?? null) }),
  };
  return readBoundedPage(
    params,
    ({ after, take }) => prisma.read(tenantId, (client) => smallRows(client, { ...where, id: { lt: after } }, take)),
    (ids) => sql.query<PayloadRow<RunPayload>>(RUN_PAYLOADS({ ids, tenantId })),
    (row, payload) => runOf({ ...row, ...payload }),
  );
}

function ofAgent(idOrName: string) {
  return isId(idOrName) ? { agentId: idOrName } : { agentVersion: { agent: { name: storableText(idOrName) } } };
}

function ofThread(idOrKey: string, subject: string | null) {
  const named = { key: storableText(idOrKey), subject };
  return { deletedAt: null, ...(isId(idOrKey) ? { OR: [{ id: idOrKey }, named] } : named) };
}

function runOf(row: Row & RunPayload): Run {
  return {
    id: row.id,
    status: row.status as RunStatus,
    agentId: row.agentId,
    agentName: row.agentVersion.agent.name,
    versionId: row.agentVersionId,
    threadId: row.threadId,
    subject: row.subject,
    mergedInto: row.mergedInto,
    parentRunId: row.parentRunId,
    deviceKey: row.deviceKey,
    startedBy: (row.startedBy as unknown as RunStarter | null)?.by ?? null,
    metadata: row.metadata,
    output: row.output,
    finishReason: row.finishReason as FinishReason | null,
    error: row.error as Failure | null,
    usage: row.usage as Usage,
    limits: row.limits as GrantedLimits | null,
    steps: row.steps,
    position: `${row.lastSeq}-0`,
    createdAt: row.createdAt.toISOString(),
    startedAt: row.startedAt?.toISOString() ?? null,
    completedAt: row.completedAt?.toISOString() ?? null,
  };
}
