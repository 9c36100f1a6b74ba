import {
  type Failure,
  type FinishReason,
  isId,
  type JsonObject,
  type Page,
  type Run,
  type RunStatus,
  type Usage,
} from "@hsafa/protocol";
import { storableText } from "../../ports/storable-text.ts";
import type { TenantStore } from "../../ports/tenant-store.ts";
import { readPage } from "./page.ts";
import type { Prisma, PrismaClient } from "./prisma.ts";

const WITH_AGENT_NAME = { agentVersion: { select: { agent: { select: { name: true } } } } };

type Row = Awaited<ReturnType<typeof rows>>[number];

function rows(client: PrismaClient, where: object, take: number) {
  return client.run.findMany({ where, include: WITH_AGENT_NAME, orderBy: { id: "desc" }, take });
}

export async function findRun(
  prisma: Prisma,
  tenantId: string,
  { runId }: { readonly runId: string },
): Promise<Run | null> {
  const [row] = await prisma.read(tenantId, (client) => rows(client, { id: runId, tenantId }, 1));
  return row === undefined ? null : runOf(row);
}

export async function listRuns(
  prisma: Prisma,
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
  return readPage(
    params,
    ({ after, take }) => prisma.read(tenantId, (client) => rows(client, { ...where, id: { lt: after } }, take)),
    runOf,
  );
}

function ofAgent(idOrName: string) {
  return isId(idOrName) ? { agentId: idOrName } : { agentVersion: { agent: { name: storableText(idOrName) } } };
}

function ofThread(idOrKey: string) {
  const key = storableText(idOrKey);
  return isId(idOrKey) ? { OR: [{ id: idOrKey }, { key }] } : { key };
}

function runOf(row: Row): Run {
  return {
    id: row.id,
    status: row.status as RunStatus,
    agentId: row.agentId,
    agentName: row.agentVersion.agent.name,
    versionId: row.agentVersionId,
    threadId: row.threadId,
    parentRunId: row.parentRunId,
    deviceKey: row.deviceKey,
    metadata: row.metadata as JsonObject,
    output: row.output as string | null,
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
