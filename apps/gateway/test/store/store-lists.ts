import {
  type Agent,
  type AgentVersion,
  type Device,
  isId,
  type Page,
  type Run,
  type Secret,
  type Thread,
  type ToolCall,
} from "@hsafa/protocol";
import { devicePairing } from "../../src/ports/device-pairing.ts";
import { isoTime } from "../../src/core/iso-time.ts";
import { PAGE_BYTES_MAX, SEARCHED_RUNS_MAX, SESSIONS_PER_DEVICE_SHOWN } from "../../src/ports/limits.ts";
import { firstIdOf } from "../../src/ports/first-id-of.ts";
import { cursorId, pageCursor } from "../../src/ports/page-cursor.ts";
import { hasSoughtText, soughtText } from "../../src/ports/sought-text.ts";
import { storableText } from "../../src/ports/storable-text.ts";
import type { PageParams, TenantStore } from "../../src/ports/tenant-store.ts";
import { audit } from "./store-audit.ts";
import {
  type AgentRow,
  type CallRow,
  type DeviceRow,
  type Rows,
  type RunRow,
  type SecretRow,
  type SessionRow,
  type ThreadRow,
  type VersionRow,
} from "./store-rows.ts";
import type { TenantId } from "../../src/core/tenant-id.ts";

type Lists = Pick<
  TenantStore,
  | "listAgents"
  | "findAgent"
  | "listVersions"
  | "findVersion"
  | "promoteVersion"
  | "findRun"
  | "findRunBounds"
  | "findStarter"
  | "listRuns"
  | "findCall"
  | "listCallsOfRun"
  | "listCalls"
  | "findThread"
  | "listThreads"
  | "listThreadRuns"
  | "listInheritedRuns"
  | "listSecrets"
  | "listDevices"
  | "findDevice"
>;

/** Rows as clients see them, and pages of rows. */
export function createTenantLists(rows: Rows, tenantId: TenantId): Lists {
  const own = <Row extends { readonly tenantId: TenantId }>(table: ReadonlyMap<string, Row>): Row[] =>
    [...table.values()].filter((row) => row.tenantId === tenantId);

  const living = (): ThreadRow[] => own(rows.threads).filter(({ deletedAt }) => deletedAt === null);

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

  const agentOfRun = ({ agentId }: RunRow): string => rows.agents.get(agentId)?.name ?? "";

  function runOf(row: RunRow): Run {
    const { status, output, finishReason, error, usage, childrenUsage, steps, startedAt, completedAt } = row.projection;
    return {
      id: row.id,
      status,
      agentId: row.agentId,
      agentName: agentOfRun(row),
      versionId: row.versionId,
      threadId: row.threadId,
      subject: row.subject,
      mergedInto: row.mergedInto,
      forkedFrom: row.forkedFrom,
      parentRunId: row.parentRunId,
      parentCallId: row.parentRunId === null ? null : row.id,
      rootRunId: row.rootRunId,
      depth: row.depth,
      deviceKey: row.deviceKey,
      startedBy: row.startedBy.by,
      metadata: row.metadata,
      output,
      finishReason,
      error,
      usage,
      childrenUsage,
      limits: row.limits,
      heldBy: row.leaseOwner,
      steps,
      position: `${row.lastSeq}-0`,
      createdAt: isoTime(row.createdAt),
      startedAt: timeOrNull(startedAt),
      completedAt: timeOrNull(completedAt),
    };
  }

  function callOf(row: CallRow): ToolCall {
    const { call } = row;
    const run = rows.runs.get(row.runId);
    const deviceId = call.deviceId ?? row.sent?.deviceId ?? null;
    const recipientKey = call.recipient?.kind === "key" ? call.recipient.deviceKey : null;
    return {
      id: call.callId,
      runId: row.runId,
      agentName: run === undefined ? "" : agentOfRun(run),
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
      approval: call.approval,
      requestedAt: isoTime(call.requestedAt),
      dispatchedAt: timeOrNull(call.dispatchedAt),
      sentAt: timeOrNull(row.sentAt),
      acceptedAt: timeOrNull(row.acceptedAt),
      deadline: timeOrNull(call.deadline),
      settledAt: timeOrNull(call.settledAt),
    };
  }

  function runsOfDevice(idOrKey: string): ReadonlySet<string> {
    const keyed = own(rows.devices).find(({ key }) => key === storableText(idOrKey))?.id;
    const deviceId = isId(idOrKey) ? idOrKey : keyed;
    if (deviceId === undefined) return new Set();
    const calls = own(rows.calls).filter(({ call, sent }) => [call.deviceId, sent?.deviceId].includes(deviceId));
    return new Set(calls.map(({ runId }) => runId));
  }

  function sessionsOf(device: DeviceRow): SessionRow[] {
    return [...rows.sessions.values()].filter((session) => session.deviceId === device.id).toReversed();
  }

  function deviceOf(row: DeviceRow): Device {
    const open = sessionsOf(row).find((session) => session.disconnectedAt === null);
    const online = open !== undefined && rows.isLive(open.gatewayId);
    const heartbeatAt = online ? rows.gateways.get(open.gatewayId)?.heartbeatAt : undefined;
    const { id, key, displayName, platform, subject, labels, tools, pairedAt } = row;
    const [latest] = sessionsOf(row);
    const waitsUntil = latest?.pairing?.expiresAt ?? null;
    return {
      id,
      key,
      displayName,
      platform,
      subject,
      labels,
      tools: [...tools],
      online,
      pairing: devicePairing({ pairedAt, latest: latest === undefined ? null : { isOpen: online, waitsUntil } }),
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

    async promoteVersion({ idOrName, versionId, by }) {
      const agent = agentNamed(idOrName);
      const version = rows.versions.get(versionId);
      if (agent === undefined || version?.agentId !== agent.id) return null;
      if (agent.currentVersionId !== versionId) {
        const targets = { agentId: agent.id, agentName: agent.name, versionId, version: version.version };
        audit(rows, tenantId, { action: "agent.promote", outcome: "promoted", by, targets });
      }
      agent.currentVersionId = versionId;
      agent.updatedAt = rows.now();
      return agentOf(agent);
    },

    async findStarter({ runId }) {
      const run = rows.runOf(tenantId, runId);
      return run === undefined ? null : { starter: run.startedBy, subject: run.subject };
    },

    async findRun({ runId }) {
      const row = rows.runOf(tenantId, runId);
      return row === undefined ? null : runOf(row);
    },

    async findRunBounds({ runId }) {
      const row = rows.runOf(tenantId, runId);
      if (row === undefined) return null;
      const { id, threadId, deviceKey, subject, rootRunId, rootThreadId } = row;
      return { id, threadId, deviceKey, subject, rootRunId, rootThreadId };
    },

    async listRuns(params) {
      const { status, agent, threadId, subject, parentRunId, forkedFrom, versionId, device, metadataText } = params;
      const { since = 0, until = Number.POSITIVE_INFINITY } = params;
      const named = agent === undefined ? undefined : agentNamed(agent);
      const threads = threadId === undefined ? undefined : threadsNamed(own(rows.threads), threadId, subject ?? null);
      const ofDevice = device === undefined ? undefined : runsOfDevice(device);
      const found = own(rows.runs).filter(
        (run) =>
          (status === undefined || run.projection.status === status) &&
          (subject === undefined || run.subject === subject) &&
          (parentRunId === undefined || run.parentRunId === parentRunId) &&
          (forkedFrom === undefined || run.forkedFrom?.runId === forkedFrom) &&
          (agent === undefined || run.agentId === named?.id) &&
          (versionId === undefined || run.versionId === versionId) &&
          (ofDevice === undefined || ofDevice.has(run.id)) &&
          run.id >= firstIdOf(since) &&
          (until === Number.POSITIVE_INFINITY || run.id < firstIdOf(until)) &&
          (threads === undefined || threads.some((thread) => thread.id === run.threadId)),
      );
      const payload = ({ metadata, output, error }: Run) => [metadata, output, error];
      if (metadataText === undefined) return newestFirst(params, found, runOf, payload);
      const after = params.cursor === undefined ? undefined : cursorId(params.cursor);
      if (after === null) return { data: [], nextCursor: null };
      const looked = found
        .toSorted((a, b) => byId(b, a))
        .filter(({ id }) => after === undefined || id < after)
        .slice(0, SEARCHED_RUNS_MAX);
      const hits = looked.filter(({ metadata }) => hasSoughtText(JSON.stringify(metadata), soughtText(metadataText)));
      const page = newestFirst({ ...params, cursor: undefined }, hits, runOf, payload);
      const last = looked[SEARCHED_RUNS_MAX - 1];
      return page.nextCursor === null && last !== undefined ? { ...page, nextCursor: pageCursor(last.id) } : page;
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
      const { toolName, deviceId, status, subject } = params;
      const name = toolName === undefined ? undefined : storableText(toolName);
      const found = own(rows.calls).filter(
        ({ call, runId }) =>
          (subject === undefined || rows.runs.get(runId)?.subject === subject) &&
          (name === undefined || call.toolName === name) &&
          (deviceId === undefined || call.deviceId === deviceId) &&
          (status === undefined || call.status === status),
      );
      return newestFirst(params, found.map(callOf).toSorted(byId), (call) => call, callPayload);
    },

    async findThread({ idOrKey, subject }) {
      const [row] = threadsNamed(living(), idOrKey, subject);
      return row === undefined ? null : threadOf(row);
    },

    async listThreads(params) {
      const { subject } = params;
      const found = living().filter((row) => subject === undefined || row.subject === subject);
      return newestFirst(params, found, threadOf, ({ metadata }) => [metadata]);
    },

    async listThreadRuns(params) {
      const runs = rows
        .runsWithMessages(params.threadId, Number.POSITIVE_INFINITY)
        .filter((run) => run.tenantId === tenantId && run.projection.status !== "merged");
      const page = oldestFirst(params, runs, () => []);
      return { ...page, data: page.data.map((run) => ({ runId: run.id, status: run.projection.status })) };
    },

    async listInheritedRuns({ threadId, limit }) {
      return rows
        .runsWithMessages(threadId, 0)
        .filter((run) => run.tenantId === tenantId && run.projection.status !== "merged" && run.threadId !== threadId)
        .slice(-limit)
        .map(({ id }) => id);
    },

    async listSecrets(params) {
      const listed = own(rows.secrets).map((row) => ({ id: row.id, secret: secretOf(row) }));
      const page = newestFirst(
        params,
        listed,
        (row) => row,
        () => [],
      );
      return { ...page, data: page.data.map(({ secret }) => secret) };
    },

    async listDevices(params) {
      const { subject } = params;
      const found = own(rows.devices).filter((row) => subject === undefined || row.subject === subject);
      return newestFirst(params, found, deviceOf, ({ tools }) => [tools]);
    },

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
export function threadOf({ id, key, subject, title, ancestors, metadata, createdAt, ...row }: ThreadRow): Thread {
  const threadId = ancestors.at(-1)?.threadId;
  const runId = row.branchedFrom;
  const branchedFrom = runId === null || threadId === undefined ? null : { threadId, runId };
  return { id, key, subject, title, branchedFrom, metadata, createdAt: isoTime(createdAt) };
}

/** A secret as clients see it. */
export function secretOf({ name, setBy, createdAt, updatedAt }: SecretRow): Secret {
  return { name, setBy, createdAt: isoTime(createdAt), updatedAt: isoTime(updatedAt) };
}

function versionOf(row: VersionRow): AgentVersion {
  const { id, agentId, version, configHash, config, description, createdAt } = row;
  return { id, agentId, version, configHash, config, description, createdAt: isoTime(createdAt) };
}

/** The thread with this id first, since a key may look like an id. */
function threadsNamed(threads: readonly ThreadRow[], idOrKey: string, subject: string | null): ThreadRow[] {
  const key = storableText(idOrKey);
  const named = threads.filter((row) => row.key === key && row.subject === subject);
  return [...threads.filter((row) => row.id === idOrKey), ...named];
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
