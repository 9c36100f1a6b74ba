import {
  type Agent,
  type AgentVersion,
  type Device,
  isId,
  type Page,
  type Run,
  type Thread,
  type ToolCall,
} from "@hsafa/protocol";
import { isoTime } from "../../src/core/iso-time.ts";
import { PAGE_BYTES_MAX, SESSIONS_PER_DEVICE_SHOWN } from "../../src/ports/limits.ts";
import { cursorId, pageCursor } from "../../src/ports/page-cursor.ts";
import { storableText } from "../../src/ports/storable-text.ts";
import type { PageParams, TenantStore } from "../../src/ports/tenant-store.ts";
import {
  type AgentRow,
  type CallRow,
  type DeviceRow,
  type Rows,
  type RunRow,
  type SessionRow,
  type ThreadRow,
  type VersionRow,
} from "./store-rows.ts";

type Lists = Pick<
  TenantStore,
  | "listAgents"
  | "findAgent"
  | "listVersions"
  | "findVersion"
  | "promoteVersion"
  | "findRun"
  | "listRuns"
  | "findCall"
  | "listCallsOfRun"
  | "listCalls"
  | "findThread"
  | "listThreadRuns"
  | "listDevices"
  | "findDevice"
>;

/** Rows as clients see them, and pages of rows. */
export function createTenantLists(rows: Rows, tenantId: string): Lists {
  const own = <Row extends { readonly tenantId: string }>(table: ReadonlyMap<string, Row>): Row[] =>
    [...table.values()].filter((row) => row.tenantId === tenantId);

  function agentNamed(idOrName: string): AgentRow | undefined {
    const name = storableText(idOrName);
    return own(rows.agents).find((row) => (isId(idOrName) ? row.id === idOrName : row.name === name));
  }

  function versionsOf(agent: AgentRow): VersionRow[] {
    return [...rows.versions.values()].filter((row) => row.agentId === agent.id);
  }

  function agentOf(row: AgentRow): Agent {
    const current = row.currentVersionId === null ? undefined : rows.versions.get(row.currentVersionId);
    return {
      id: row.id,
      name: row.name,
      description: current?.description ?? null,
      currentVersion: current === undefined ? null : versionOf(current),
      createdAt: isoTime(row.createdAt),
      updatedAt: isoTime(row.updatedAt),
    };
  }

  function runOf(row: RunRow): Run {
    const { status, output, finishReason, error, usage, steps, startedAt, completedAt } = row.projection;
    return {
      id: row.id,
      status,
      agentId: row.agentId,
      agentName: rows.agents.get(row.agentId)?.name ?? "",
      versionId: row.versionId,
      threadId: row.threadId,
      parentRunId: null,
      deviceKey: row.deviceKey,
      metadata: row.metadata,
      output,
      finishReason,
      error,
      usage,
      steps,
      position: `${row.lastSeq}-0`,
      createdAt: isoTime(row.createdAt),
      startedAt: timeOrNull(startedAt),
      completedAt: timeOrNull(completedAt),
    };
  }

  function callOf(row: CallRow): ToolCall {
    const { call } = row;
    const deviceId = call.deviceId ?? row.sent?.deviceId ?? null;
    const recipientKey = call.recipient?.kind === "key" ? call.recipient.deviceKey : null;
    return {
      id: call.callId,
      runId: row.runId,
      step: call.step,
      toolName: call.toolName,
      args: call.args,
      target: call.target,
      status: call.status,
      attempts: call.attempt,
      deviceId,
      deviceKey: (deviceId === null ? undefined : rows.devices.get(deviceId)?.key) ?? recipientKey,
      result: call.result ?? null,
      error: call.error,
      source: call.source,
      requestedAt: isoTime(call.requestedAt),
      dispatchedAt: timeOrNull(call.dispatchedAt),
      sentAt: timeOrNull(row.sentAt),
      acceptedAt: timeOrNull(row.acceptedAt),
      deadline: timeOrNull(call.deadline),
      settledAt: timeOrNull(call.settledAt),
    };
  }

  function sessionsOf(device: DeviceRow): SessionRow[] {
    return [...rows.sessions.values()].filter((session) => session.deviceId === device.id).toReversed();
  }

  function deviceOf(row: DeviceRow): Device {
    const open = sessionsOf(row).find((session) => session.disconnectedAt === null);
    const online = open !== undefined && rows.isLive(open.gatewayId);
    const heartbeatAt = online ? rows.gateways.get(open.gatewayId)?.heartbeatAt : undefined;
    const { id, key, displayName, platform, labels, tools } = row;
    return {
      id,
      key,
      displayName,
      platform,
      labels,
      tools: [...tools],
      online,
      lastSeenAt: isoTime(heartbeatAt ?? row.lastSeenAt),
      createdAt: isoTime(row.createdAt),
    };
  }

  return {
    listAgents: async (params) =>
      newestFirst(params, own(rows.agents), agentOf, ({ currentVersion }) => [
        currentVersion?.config,
        currentVersion?.description,
      ]),

    async findAgent({ idOrName }) {
      const row = agentNamed(idOrName);
      return row === undefined ? null : agentOf(row);
    },

    async listVersions(params) {
      const agent = agentNamed(params.idOrName);
      return agent === undefined
        ? null
        : newestFirst(params, versionsOf(agent), versionOf, (version) => [version.config, version.description]);
    },

    async findVersion({ idOrName, versionId }) {
      const agent = agentNamed(idOrName);
      const row = rows.versions.get(versionId);
      return row === undefined || row.agentId !== agent?.id ? null : versionOf(row);
    },

    async promoteVersion({ idOrName, versionId }) {
      const agent = agentNamed(idOrName);
      if (agent === undefined || rows.versions.get(versionId)?.agentId !== agent.id) return null;
      agent.currentVersionId = versionId;
      agent.updatedAt = rows.now();
      return agentOf(agent);
    },

    async findRun({ runId }) {
      const row = rows.runOf(tenantId, runId);
      return row === undefined ? null : runOf(row);
    },

    async listRuns(params) {
      const { status, agent, threadId } = params;
      const named = agent === undefined ? undefined : agentNamed(agent);
      const threads = threadId === undefined ? undefined : threadsNamed(own(rows.threads), threadId);
      const found = own(rows.runs).filter(
        (run) =>
          (status === undefined || run.projection.status === status) &&
          (agent === undefined || run.agentId === named?.id) &&
          (threads === undefined || threads.some((thread) => thread.id === run.threadId)),
      );
      return newestFirst(params, found, runOf, ({ metadata, output, error }) => [metadata, output, error]);
    },

    async findCall({ callId }) {
      const row = rows.calls.get(callId);
      return row?.tenantId === tenantId ? callOf(row) : null;
    },

    async listCallsOfRun(params) {
      if (rows.runOf(tenantId, params.runId) === undefined) return null;
      const calls = own(rows.calls).filter((row) => row.runId === params.runId);
      return oldestFirst(params, calls.map(callOf).toSorted(byId), callPayload);
    },

    async listCalls(params) {
      const { toolName, deviceId, status } = params;
      const name = toolName === undefined ? undefined : storableText(toolName);
      const found = own(rows.calls).filter(
        ({ call }) =>
          (name === undefined || call.toolName === name) &&
          (deviceId === undefined || call.deviceId === deviceId) &&
          (status === undefined || call.status === status),
      );
      return newestFirst(params, found.map(callOf).toSorted(byId), (call) => call, callPayload);
    },

    async findThread({ idOrKey }) {
      const [row] = threadsNamed(own(rows.threads), idOrKey);
      return row === undefined ? null : threadOf(row);
    },

    async listThreadRuns(params) {
      const runs = rows.runsOfThread(params.threadId).filter((run) => run.tenantId === tenantId);
      const page = oldestFirst(params, runs, () => []);
      return { ...page, data: page.data.map((run) => ({ runId: run.id, status: run.projection.status })) };
    },

    listDevices: async (params) => newestFirst(params, own(rows.devices), deviceOf, ({ tools }) => [tools]),

    async findDevice({ deviceId }) {
      const row = rows.deviceOf(tenantId, deviceId);
      if (row === undefined) return null;
      const sessions = sessionsOf(row)
        .slice(0, SESSIONS_PER_DEVICE_SHOWN)
        .map(({ id, gatewayId, bootId, connectedAt, disconnectedAt, reason }) => ({
          id,
          gatewayId,
          bootId,
          connectedAt: isoTime(connectedAt),
          disconnectedAt: timeOrNull(disconnectedAt),
          reason,
        }));
      return { ...deviceOf(row), sessions };
    },
  };
}

/** A thread as clients see it. */
export function threadOf({ id, key, metadata, createdAt }: ThreadRow): Thread {
  return { id, key, metadata, createdAt: isoTime(createdAt) };
}

function versionOf(row: VersionRow): AgentVersion {
  const { id, agentId, version, configHash, config, description, createdAt } = row;
  return { id, agentId, version, configHash, config, description, createdAt: isoTime(createdAt) };
}

/** The thread with this id first, since a key may look like an id. */
function threadsNamed(threads: readonly ThreadRow[], idOrKey: string): ThreadRow[] {
  const key = storableText(idOrKey);
  return [...threads.filter((row) => row.id === idOrKey), ...threads.filter((row) => row.key === key)];
}

const byId = (a: { readonly id: string }, b: { readonly id: string }): number => (a.id < b.id ? -1 : 1);

const callPayload = ({ args, result, error }: ToolCall): readonly unknown[] => [args, result, error];

function newestFirst<Row extends { readonly id: string }, Item extends { readonly id: string }>(
  params: PageParams,
  rows: readonly Row[],
  item: (row: Row) => Item,
  payload: (item: Item) => readonly unknown[],
): Page<Item> {
  return oldestFirst(params, rows.toSorted((a, b) => byId(b, a)).map(item), payload);
}

/**
 * A page of items in the given order. It starts after the item of the cursor, and is empty if there is no such item.
 * `payload`: the parts of an item that count for the bytes of the page.
 */
function oldestFirst<Item extends { readonly id: string }>(
  { limit, cursor }: PageParams,
  items: readonly Item[],
  payload: (item: Item) => readonly unknown[],
): Page<Item> {
  const after = cursor === undefined ? undefined : cursorId(cursor);
  const first = after === undefined ? 0 : items.findIndex((item) => item.id === after) + 1;
  if (after !== undefined && first === 0) return { data: [], nextCursor: null };
  const data: Item[] = [];
  let bytes = 0;
  for (const item of items.slice(first, first + limit)) {
    if (bytes >= PAGE_BYTES_MAX) break;
    bytes += payload(item).reduce<number>((sum, part) => sum + byteLength(part), 0);
    data.push(item);
  }
  const last = data.at(-1);
  const hasMore = items.length > first + data.length && last !== undefined;
  return { data, nextCursor: hasMore ? pageCursor(last.id) : null };
}

function byteLength(part: unknown): number {
  return part === undefined || part === null ? 0 : Buffer.byteLength(JSON.stringify(part));
}

function timeOrNull(ms: number | null): string | null {
  return ms === null ? null : isoTime(ms);
}
