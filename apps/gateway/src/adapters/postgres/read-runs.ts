import { type Failure, formatPosition, isId, type Page, type Run } from "@hsafa/protocol";
import type { StarterOfRun } from "../../ports/run-starter.ts";
import { firstIdOf } from "../../ports/first-id-of.ts";
import { pageCursor } from "../../ports/page-cursor.ts";
import { soughtText } from "../../ports/sought-text.ts";
import { storableText } from "../../ports/storable-text.ts";
import type { RunBounds, TenantStore } from "../../ports/tenant-store.ts";
import { readBoundedPage } from "./page.ts";
import type { TenantSql } from "./sql.ts";
import {
  FIND_RUN,
  FIND_RUN_BOUNDS,
  FIND_START,
  FIND_STARTER,
  type FoundRow,
  type StartRow,
} from "./statements/runs/find-run.ts";
import { type AskedRuns, type FoundRun, type ListedRun, listedRuns } from "./statements/runs/listed-runs.ts";
import { type PayloadRow, RUN_PAYLOADS, type RunPayload } from "./statements/read-payloads.ts";
import type { TenantId } from "../../core/tenant-id.ts";

export async function findRun(
  sql: TenantSql,
  tenantId: TenantId,
  { runId }: { readonly runId: string },
): Promise<Run | null> {
  const [row] = await sql.query<FoundRow>(FIND_RUN({ runId, tenantId }));
  return row === undefined ? null : runOf(row);
}

export async function findRunBounds(
  sql: TenantSql,
  tenantId: TenantId,
  { runId }: { readonly runId: string },
): Promise<RunBounds | null> {
  const [row] = await sql.query<RunBounds>(FIND_RUN_BOUNDS({ runId, tenantId }));
  return row ?? null;
}

export async function findStarter(
  sql: TenantSql,
  tenantId: TenantId,
  { runId }: { readonly runId: string },
): Promise<StarterOfRun | null> {
  const [row] = await sql.query<StarterOfRun>(FIND_STARTER({ runId, tenantId }));
  return row ?? null;
}

export async function findStart(
  sql: TenantSql,
  tenantId: TenantId,
  { key, owner, orUnowned }: Parameters<TenantStore["findStart"]>[0],
): ReturnType<TenantStore["findStart"]> {
  const [row] = await sql.query<StartRow>(FIND_START({ key, owner, orUnowned, tenantId }));
  return row ?? null;
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
    (row, payload) => runOf({ ...row, ...payload }),
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

function runOf(row: FoundRow): Run {
  const timeOf = (ms: number | null): string | null => (ms === null ? null : new Date(ms).toISOString());
  return {
    id: row.id,
    status: row.status,
    agentId: row.agent_id,
    agentName: row.agent_name,
    versionId: row.agent_version_id,
    threadId: row.thread_id,
    subject: row.subject,
    mergedInto: row.merged_into,
    forkedFrom:
      row.forked_from === null
        ? null
        : { runId: row.forked_from, position: formatPosition({ seq: row.forked_at ?? 0, sub: 0 }) },
    parentRunId: row.parent_run_id,
    // A child bears the id of the call that it answers.
    parentCallId: row.parent_run_id === null ? null : row.id,
    rootRunId: row.root_run_id,
    depth: row.depth,
    deviceKey: row.device_key,
    startedBy: row.started_by?.by ?? null,
    metadata: row.metadata,
    output: row.output,
    finishReason: row.finish_reason,
    error: row.error as Failure | null,
    usage: row.usage,
    childrenUsage: row.children_usage ?? {},
    limits: row.limits,
    heldBy: row.lease_owner,
    steps: row.steps,
    position: `${row.last_seq}-0`,
    createdAt: new Date(row.created_at).toISOString(),
    startedAt: timeOf(row.started_at),
    completedAt: timeOf(row.completed_at),
  };
}
