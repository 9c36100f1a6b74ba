import {
  type Failure,
  type FinishReason,
  formatPosition,
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
import { firstIdOf } from "../../ports/first-id-of.ts";
import { pageCursor } from "../../ports/page-cursor.ts";
import { soughtText } from "../../ports/sought-text.ts";
import { storableText } from "../../ports/storable-text.ts";
import type { RunBounds, TenantStore } from "../../ports/tenant-store.ts";
import { readBoundedPage } from "./page.ts";
import type { Prisma } from "./prisma.ts";
import type { TenantSql } from "./sql.ts";
import { type AskedRuns, type FoundRun, type ListedRun, listedRuns } from "./statements/runs/listed-runs.ts";
import { type PayloadRow, RUN_PAYLOADS, type RunPayload } from "./statements/read-payloads.ts";
import type { TenantId } from "../../core/tenant-id.ts";

const WITH_AGENT_NAME = { agentVersion: { select: { agent: { select: { name: true } } } } };

/** A run without what may be large, as Prisma reads it. */
interface Row {
  readonly id: string;
  readonly status: string;
  readonly agentId: string;
  readonly agentVersion: { readonly agent: { readonly name: string } };
  readonly agentVersionId: string;
  readonly threadId: string | null;
  readonly subject: string | null;
  readonly mergedInto: string | null;
  readonly forkedFrom: string | null;
  readonly forkedAt: number | null;
  readonly parentRunId: string | null;
  readonly rootRunId: string | null;
  readonly depth: number;
  readonly deviceKey: string | null;
  readonly startedBy: unknown;
  readonly finishReason: string | null;
  readonly usage: unknown;
  readonly childrenUsage: unknown;
  readonly limits: unknown;
  readonly leaseOwner: string | null;
  readonly steps: number;
  readonly lastSeq: number;
  readonly createdAt: Date;
  readonly startedAt: Date | null;
  readonly completedAt: Date | null;
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
  const root = { rootRunId: true, rootThreadId: true } as const;
  const select = { id: true, threadId: true, deviceKey: true, subject: true, ...root } as const;
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

export async function findStart(
  prisma: Prisma,
  tenantId: TenantId,
  { key, owner, orUnowned }: Parameters<TenantStore["findStart"]>[0],
): ReturnType<TenantStore["findStart"]> {
  const owners = orUnowned ? [{ idempotencyOwner: owner }, { idempotencyOwner: null }] : [{ idempotencyOwner: owner }];
  const row = await prisma.read(tenantId, (client) =>
    client.run.findFirst({
      where: { tenantId, idempotencyKey: key, OR: owners },
      orderBy: { idempotencyOwner: { sort: "asc", nulls: "last" } },
      select: { id: true, status: true, idempotencyHash: true },
    }),
  );
  return row === null ? null : { runId: row.id, status: row.status as RunStatus, bodyHash: row.idempotencyHash };
}

export async function listRuns(
  sql: TenantSql,
  tenantId: TenantId,
  params: Parameters<TenantStore["listRuns"]>[0],
): Promise<Page<Run>> {
  const { status, agent, versionId, threadId, subject, device, metadataText, parentRunId, forkedFrom } = params;
  const { since, until } = params;
  const asked: AskedRuns = {
    ...(status === undefined ? {} : { status: { status } }),
    ...(agent === undefined ? {} : ofAgent(agent)),
    ...(versionId === undefined ? {} : { version: { versionId } }),
    ...(threadId === undefined ? {} : { thread: ofThread(threadId, subject ?? null) }),
    ...(subject === undefined ? {} : subject === null ? { nobody: {} } : { subject: { subject } }),
    ...(device === undefined ? {} : { device: ofDevice(device) }),
    ...(metadataText === undefined ? {} : { metadata: { metadata: soughtText(metadataText) } }),
    ...(parentRunId === undefined ? {} : { parent: { parentRunId } }),
    ...(forkedFrom === undefined ? {} : { fork: { forkedFrom } }),
  };
  const from = since === undefined ? undefined : firstIdOf(since);
  const end = until === undefined ? undefined : firstIdOf(until);
  let searchedTo: string | null = null;
  const page = await readBoundedPage(
    params,
    async ({ after, take }) => {
      const part = { after: after === undefined || (end !== undefined && end < after) ? end : after, from, take };
      if (asked.metadata === undefined) return sql.query<ListedRun>(listedRuns(tenantId, asked, part));
      const found = await sql.query<FoundRun>(listedRuns(tenantId, asked, part));
      searchedTo = found[0]?.searched_to ?? null;
      return found.flatMap((run) => (run.id === null ? [] : [run]));
    },
    (ids) => sql.query<PayloadRow<RunPayload>>(RUN_PAYLOADS({ ids, tenantId })),
    (row, payload) => runOf({ ...rowOf(row), ...payload }),
  );
  return page.nextCursor === null && searchedTo !== null ? { ...page, nextCursor: pageCursor(searchedTo) } : page;
}

function ofAgent(idOrName: string): AskedRuns {
  return isId(idOrName) ? { agent: { agentId: idOrName } } : { agentName: { agentName: storableText(idOrName) } };
}

function ofThread(idOrKey: string, subject: string | null): NonNullable<AskedRuns["thread"]> {
  return { threadId: isId(idOrKey) ? idOrKey : null, threadKey: storableText(idOrKey), threadSubject: subject };
}

function ofDevice(idOrKey: string): NonNullable<AskedRuns["device"]> {
  return { deviceId: isId(idOrKey) ? idOrKey : null, deviceKey: storableText(idOrKey) };
}

function rowOf(run: ListedRun): Row {
  const date = (ms: number | null): Date | null => (ms === null ? null : new Date(ms));
  return {
    id: run.id,
    status: run.status,
    agentId: run.agent_id,
    agentVersion: { agent: { name: run.agent_name } },
    agentVersionId: run.agent_version_id,
    threadId: run.thread_id,
    subject: run.subject,
    mergedInto: run.merged_into,
    forkedFrom: run.forked_from,
    forkedAt: run.forked_at,
    parentRunId: run.parent_run_id,
    rootRunId: run.root_run_id,
    depth: run.depth,
    deviceKey: run.device_key,
    startedBy: run.started_by,
    finishReason: run.finish_reason,
    usage: run.usage,
    childrenUsage: run.children_usage,
    limits: run.limits,
    leaseOwner: run.lease_owner,
    steps: run.steps,
    lastSeq: run.last_seq,
    createdAt: new Date(run.created_at),
    startedAt: date(run.started_at),
    completedAt: date(run.completed_at),
  };
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
    forkedFrom:
      row.forkedFrom === null
        ? null
        : { runId: row.forkedFrom, position: formatPosition({ seq: row.forkedAt ?? 0, sub: 0 }) },
    parentRunId: row.parentRunId,
    // A child bears the id of the call that it answers.
    parentCallId: row.parentRunId === null ? null : row.id,
    rootRunId: row.rootRunId,
    depth: row.depth,
    deviceKey: row.deviceKey,
    startedBy: (row.startedBy as RunStarter | null)?.by ?? null,
    metadata: row.metadata,
    output: row.output,
    finishReason: row.finishReason as FinishReason | null,
    error: row.error as Failure | null,
    usage: row.usage as Usage,
    childrenUsage: row.childrenUsage === null ? {} : (row.childrenUsage as Usage),
    limits: row.limits as GrantedLimits | null,
    heldBy: row.leaseOwner,
    steps: row.steps,
    position: `${row.lastSeq}-0`,
    createdAt: row.createdAt.toISOString(),
    startedAt: row.startedAt?.toISOString() ?? null,
    completedAt: row.completedAt?.toISOString() ?? null,
  };
}
