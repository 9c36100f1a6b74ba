import {
  type Failure,
  type FinishReason,
  isId,
  type JsonObject,
  type JsonValue,
  type Page,
  type Run,
  type RunStatus,
  type Usage,
} from "@hsafa/protocol";
import { storableText } from "../../ports/storable-text.ts";
import type { TenantStore } from "../../ports/tenant-store.ts";
import { readBoundedPage } from "./page.ts";
import type { Prisma, PrismaClient } from "./prisma.ts";
import type { Sql } from "./sql.ts";
import { type PayloadRow, RUN_PAYLOADS, type RunPayload } from "./statements/read-payloads.ts";

const WITH_AGENT_NAME = { agentVersion: { select: { agent: { select: { name: true } } } } };

type Row = Awaited<ReturnType<typeof smallRows>>[number];

function smallRows(client: PrismaClient, where: object, take: number) {
  const omit = { metadata: true, output: true, error: true } as const;
  return client.run.findMany({ where, include: WITH_AGENT_NAME, omit, orderBy: { id: "desc" }, take });
}

export async function findRun(
  prisma: Prisma,
  tenantId: string,
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

export async function listRuns(
  { sql, prisma }: { readonly sql: Sql; readonly prisma: Prisma },
  tenantId: string,
  params: Parameters<TenantStore["listRuns"]>[0],
): Promise<Page<Run>> {
  const { status, agent, threadId } = params;
  const where = {
    tenantId,
    status,
    ...(agent === undefined ? {} : ofAgent(agent)),
    ...(threadId === undefined ? {} : { thread: ofThread(threadId) }),
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

function ofThread(idOrKey: string) {
  const key = storableText(idOrKey);
  return isId(idOrKey) ? { OR: [{ id: idOrKey }, { key }] } : { key };
}

function runOf(row: Row & RunPayload): Run {
  return {
    id: row.id,
    status: row.status as RunStatus,
    agentId: row.agentId,
    agentName: row.agentVersion.agent.name,
    versionId: row.agentVersionId,
    threadId: row.threadId,
    parentRunId: row.parentRunId,
    deviceKey: row.deviceKey,
    metadata: row.metadata,
    output: row.output,
    finishReason: row.finishReason as FinishReason | null,
    error: row.error as Failure | null,
    usage: row.usage as Usage,
    steps: row.steps,
    position: `${row.lastSeq}-0`,
    createdAt: row.createdAt.toISOString(),
    startedAt: row.startedAt?.toISOString() ?? null,
    completedAt: row.completedAt?.toISOString() ?? null,
  };
}
