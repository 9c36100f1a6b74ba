import { comparePositions, isOpenCallStatus, isTerminalStatus, type Quotas } from "@hsafa/protocol";
import { storedAgentConfigSchema } from "@hsafa/protocol/schema";
import { dayOf } from "../../src/core/quotas.ts";
import { mayTakeCall } from "../../src/core/recipient.ts";
import { toolResultInput } from "../../src/ports/inbox.ts";
import { SECRETS_PER_TENANT_MAX } from "../../src/ports/limits.ts";
import { sessionStanding } from "../../src/ports/session-standing.ts";
import type { SubmitResultOutcome, TenantStore } from "../../src/ports/tenant-store.ts";
import { audit, createAuditList } from "./store-audit.ts";
import { bytesOf, registerMemoryDevice } from "./store-devices.ts";
import { createMemoryTenantFiles } from "./store-files.ts";
import { createMemoryTenantKeys } from "./store-keys.ts";
import { createTenantLists, secretOf } from "./store-lists.ts";
import {
  type CallRow,
  firstAfter,
  isOpen,
  offerOf,
  pageOfEvents,
  type Rows,
  type RunRow,
  servesRun,
} from "./store-rows.ts";
import { takeParked } from "./store-claim.ts";
import { isSameKey, startRun } from "./store-start.ts";
import { createThreadLife, makeThread } from "./store-threads.ts";
import type { TenantId } from "../../src/core/tenant-id.ts";

/** One tenant's statements. Each runs in one go. */
export function createMemoryTenantStore(rows: Rows, tenantId: TenantId): TenantStore {
  function findCall(callId: string): CallRow | undefined {
    const row = rows.calls.get(callId);
    return row?.tenantId === tenantId ? row : undefined;
  }

  return {
    ...createTenantLists(rows, tenantId),
    ...createMemoryTenantKeys(rows, tenantId),
    ...createAuditList(rows, tenantId),
    ...createThreadLife(rows, tenantId),
    ...createMemoryTenantFiles(rows, tenantId),

    async pushAgent({ name, description, version, config, configHash, promote, by }) {
      const now = rows.now();
      let agent = [...rows.agents.values()].find((row) => row.tenantId === tenantId && row.name === name);
      if (agent === undefined) {
        const id = rows.clock.newId();
        agent = { id, tenantId, name, currentVersionId: null, versionCount: 0, createdAt: now, updatedAt: now };
        rows.agents.set(id, agent);
      }
      const agentId = agent.id;
      const known = [...rows.versions.values()].find((row) => row.agentId === agentId && row.configHash === configHash);
      if (known === undefined) agent.versionCount += 1;
      if (known === undefined) rows.countBytes(tenantId, JSON.stringify(config));
      const label = version ?? String(agent.versionCount);
      const row = known ?? {
        id: rows.clock.newId(),
        agentId,
        version: label,
        description,
        config,
        configHash,
        parsed: storedAgentConfigSchema.parse(config),
        createdAt: now,
      };
      rows.versions.set(row.id, row);
      if (known === undefined || (promote && agent.currentVersionId !== row.id)) agent.updatedAt = now;
      const isPromoted = promote && agent.currentVersionId !== row.id;
      if (promote) agent.currentVersionId = row.id;
      if (known === undefined || isPromoted) {
        audit(rows, tenantId, {
          action: "agent.push",
          outcome: known === undefined ? "created" : "promoted",
          by,
          targets: { agentId, agentName: name, versionId: row.id, version: row.version },
          details: { configHash, promoted: promote },
        });
      }
      return { agentId, versionId: row.id, version: row.version, configHash, created: known === undefined };
    },

    startRun: async (params) =>
      startRun(rows, tenantId, params, {
        keyed: (key, subject) =>
          makeThread(rows, tenantId, { threadId: rows.clock.newId(), key, subject, metadata: {} }).row,
        before(run, trunk, made) {
          const ancestors = [...trunk.ancestors, { threadId: trunk.id, turns: run.threadTurn - 1 }];
          const from = { branchedFrom: run.id, ancestors };
          return makeThread(rows, tenantId, { ...made, key: null, metadata: {} }, from).row;
        },
      }),

    async readTail({ runId }) {
      const run = rows.runOf(tenantId, runId);
      if (run === undefined) return null;
      const { lastSeq, keptSeq } = run;
      return { status: run.projection.status, lastSeq, keptSeq, generation: rows.generation };
    },

    async readEvents({ runId, after, limit, factsOnly }) {
      const events = rows.runOf(tenantId, runId)?.events ?? [];
      const all = events.slice(firstAfter(events, after));
      return pageOfEvents(factsOnly ? all.filter((event) => event.sub === 0) : all, limit);
    },

    async readEventsBefore({ runId, before, limit, factsOnly }) {
      const events = rows.runOf(tenantId, runId)?.events ?? [];
      const all = events.filter((event) => before === null || comparePositions(event, before) < 0).toReversed();
      return pageOfEvents(factsOnly ? all.filter((event) => event.sub === 0) : all, limit);
    },

    async enqueueInput({ runId, input, dedupe, until, by }) {
      const run = rows.runOf(tenantId, runId);
      if (run === undefined) return { kind: "not_found" };
      const { status } = run.projection;
      const earlier = dedupe === null ? undefined : run.inputs.find((row) => row.dedupe?.key === dedupe.key);
      if (earlier !== undefined) {
        return { kind: earlier.dedupe?.bodyHash === dedupe?.bodyHash ? "duplicate" : "conflict", status };
      }
      if (!isOpen(run)) return { kind: "ended", status };
      if (input.kind === "approval") {
        const call = findCall(input.callId);
        if (call?.runId !== runId) return { kind: "not_found" };
        const isLate = until !== undefined && until <= rows.now();
        const callStatus = call.call.status === "awaiting_approval" && isLate ? "expired" : call.call.status;
        if (callStatus !== "awaiting_approval") return { kind: "call_not_awaiting", callStatus };
      }
      if (rows.hasMessagesFull(run, input)) return { kind: "messages_full" };
      if (!rows.hasInboxRoom(run, input)) return { kind: "inbox_full" };
      rows.enqueueInput(run, input, dedupe);
      if (input.kind === "cancel") {
        audit(rows, tenantId, { action: "run.cancel", outcome: "requested", by, targets: { runId } });
      }
      if (input.kind === "approval") {
        const outcome = input.approved ? "approved" : "denied";
        audit(rows, tenantId, { action: "approval.decide", outcome, by, targets: { runId, callId: input.callId } });
      }
      return { kind: "accepted", status };
    },

    async submitToolResult(params): Promise<SubmitResultOutcome> {
      const { callId, bodyHash, from, offer = null } = params;
      offer?.sent();
      const row = findCall(callId);
      const run = row === undefined ? undefined : rows.runOf(tenantId, row.runId);
      if (row === undefined || run === undefined) return { kind: "not_found" };
      const { status, target } = row.call;
      const isForeign = from.kind === "http" ? from.runId !== row.runId : !row.sentTo.has(from.deviceId);
      if (isForeign) return { kind: "not_found" };
      if (row.resultHash === bodyHash) return { kind: "duplicate", runId: run.id };
      if (row.resultHash !== null || !isOpenCallStatus(status)) return { kind: "conflict", status };
      if (status !== "dispatched" || target === "server") return { kind: "not_dispatched" };
      if (isTerminalStatus(run.projection.status)) return { kind: "conflict", status };
      const input = toolResultInput(params);
      if (!rows.hasInboxRoom(run, input)) return { kind: "inbox_full" };
      row.resultHash = bodyHash;
      rows.enqueueInput(run, input, null);
      return { kind: "accepted", runId: run.id, taken: offer === null ? null : takeParked(rows, run, offer) };
    },

    async putSecret({ secretId, name, sealed, setBy, by }) {
      const now = rows.now();
      const known = rows.secretOf(tenantId, name);
      const count = [...rows.secrets.values()].filter((row) => row.tenantId === tenantId).length;
      if (known === undefined && count >= SECRETS_PER_TENANT_MAX) return { kind: "full" };
      const { id, createdAt } = known ?? { id: secretId, createdAt: now };
      const row = { id, tenantId, name, sealed, setBy, createdAt, updatedAt: now };
      rows.secrets.set(id, row);
      const outcome = known === undefined ? "created" : "replaced";
      audit(rows, tenantId, { action: "secret.put", outcome, by, targets: { secret: name } });
      return { kind: "put", secret: secretOf(row), created: known === undefined };
    },

    async readSecret({ name }) {
      const tenantName = rows.tenants.get(tenantId)?.name ?? "";
      return { tenantName, sealed: rows.secretOf(tenantId, name)?.sealed ?? null };
    },

    async deleteSecret({ name, by }) {
      const row = rows.secretOf(tenantId, name);
      if (row === undefined) return false;
      rows.secrets.delete(row.id);
      audit(rows, tenantId, { action: "secret.delete", outcome: "deleted", by, targets: { secret: name } });
      return true;
    },

    registerDevices: async (registrations) =>
      registrations.map((registration) => registerMemoryDevice(rows, tenantId, registration)),

    async pairDevice({ code, subject, by }) {
      for (const session of rows.sessions.values()) {
        const device = rows.deviceOf(tenantId, session.deviceId);
        const { pairing } = session;
        if (device === undefined || pairing?.code !== code || session.disconnectedAt !== null) continue;
        if (pairing.expiresAt <= rows.now() || (subject !== undefined && device.subject !== subject)) continue;
        session.pairing = null;
        device.pairedAt = rows.now();
        const targets = { deviceId: device.id, deviceKey: device.key };
        audit(rows, tenantId, { action: "device.pair", outcome: "paired", by, targets });
        return targets;
      }
      return null;
    },

    async countPendingPairings({ deviceKey, ownerId }) {
      const own = [...rows.devices.values()].filter((row) => row.tenantId === tenantId);
      if (own.some((row) => row.key === deviceKey && row.ownerId === ownerId && row.pairedAt !== null)) return 0;
      return [...rows.sessions.values()].filter(({ pairing, disconnectedAt, deviceId }) => {
        const device = own.find(({ id }) => id === deviceId);
        return pairing !== null && disconnectedAt === null && device !== undefined && device.key !== deviceKey;
      }).length;
    },

    async confirmDeviceSessions({ sessionIds }) {
      for (const sessionId of sessionIds) {
        const session = rows.sessions.get(sessionId);
        if (session?.disconnectedAt !== null || rows.deviceOf(tenantId, session.deviceId) === undefined) continue;
        session.confirmedAt ??= rows.now();
      }
    },

    async readSessionStanding({ sessionId, deviceId }) {
      if (rows.deviceOf(tenantId, deviceId) === undefined)
        return rows.deletedDevices.has(deviceId) ? "device_deleted" : "ended";
      const sessions = [...rows.sessions.values()].filter((session) => session.deviceId === deviceId);
      return sessionStanding({
        own: sessions.find(({ id }) => id === sessionId) ?? null,
        open: sessions.find(({ disconnectedAt }) => disconnectedAt === null) ?? null,
      });
    },

    async endDeviceSession({ sessionId, reason }) {
      const session = rows.sessions.get(sessionId);
      const device = session === undefined ? undefined : rows.deviceOf(tenantId, session.deviceId);
      if (session === undefined || device === undefined || session.disconnectedAt !== null) return;
      session.disconnectedAt = rows.now();
      session.reason = reason;
      device.lastSeenAt = rows.now();
    },

    async drainDeviceSession({ sessionId }) {
      const session = rows.sessions.get(sessionId);
      if (session?.disconnectedAt !== null || rows.deviceOf(tenantId, session.deviceId) === undefined) return;
      session.maxInFlight = 0;
    },

    async markSent({ callId, attempt, sessionId }) {
      const row = findCall(callId);
      const session = rows.sessions.get(sessionId);
      const device = session?.disconnectedAt === null ? rows.deviceOf(tenantId, session.deviceId) : undefined;
      if (row === undefined || session === undefined || device === undefined || session.pairing !== null) return false;
      const { call, sent } = row;
      if (call.status !== "dispatched" || call.attempt !== attempt || row.resultHash !== null) return false;
      if (call.deadline !== null && call.deadline <= rows.now()) return false;
      if (!mayTakeCall(offerOf(device), call) || !servesRun(rows, device, session, row.runId)) return false;
      if (sent !== null && (sent.deviceId !== device.id || sent.bootId !== session.bootId)) return false;
      row.sent = { deviceId: device.id, bootId: session.bootId };
      row.sentTo.add(device.id);
      row.sentAt ??= rows.now();
      return true;
    },

    async markAccepted({ callId, deviceId }) {
      const row = findCall(callId);
      if (row?.sentTo.has(deviceId) === true) row.acceptedAt ??= rows.now();
    },

    async deleteDevice({ deviceId, by }) {
      const device = rows.deviceOf(tenantId, deviceId);
      if (device === undefined) return false;
      rows.countersOf(tenantId).storedBytes -= bytesOf(device.tools);
      rows.devices.delete(deviceId);
      rows.deletedDevices.set(deviceId, rows.now());
      audit(rows, tenantId, {
        action: "device.delete",
        outcome: "deleted",
        by,
        targets: { deviceId, deviceKey: device.key },
      });
      for (const session of rows.sessions.values()) if (session.deviceId === deviceId) rows.sessions.delete(session.id);
      return true;
    },

    async readUsage() {
      const own = <Row extends { readonly tenantId: TenantId }>(table: ReadonlyMap<string, Row>): Row[] =>
        [...table.values()].filter((row) => row.tenantId === tenantId);
      const runs = own(rows.runs).map(({ projection }) => projection.status);
      const { storedBytes, tokens, tokensDay, limits } = rows.countersOf(tenantId);
      const used = {
        activeRuns: runs.filter((status) => status === "running" || status === "waiting_tool").length,
        queuedRuns: runs.filter((status) => status === "queued").length,
        devices: own(rows.devices).length,
        threads: own(rows.threads).length,
        agentVersions: own(rows.agents).reduce((sum, { versionCount }) => sum + versionCount, 0),
        storedBytes,
        tokensPerDay: tokensDay === dayOf(rows.now()) ? tokens : 0,
      };
      return { used, limits };
    },

    async setLimits({ limits, by }) {
      const counters = rows.countersOf(tenantId);
      const merged = Object.entries({ ...counters.limits, ...limits }).filter(([, limit]) => limit !== null);
      counters.limits = Object.fromEntries(merged) as Partial<Quotas>;
      audit(rows, tenantId, { action: "quota.set", outcome: "set", by, targets: {}, details: { limits } });
    },

    async findStart(key) {
      const isIt = (row: RunRow): boolean => row.tenantId === tenantId && isSameKey(row.idempotency, key);
      const run = [...rows.runs.values()].find(isIt);
      return run === undefined
        ? null
        : { runId: run.id, status: run.projection.status, bodyHash: run.idempotency?.bodyHash ?? null };
    },

    async knows(what) {
      const isOwn = (row: { readonly tenantId: TenantId }): boolean => row.tenantId === tenantId;
      switch (what.kind) {
        case "device":
          return [...rows.devices.values()].some((row) => isOwn(row) && row.key === what.key);
        case "thread":
          return [...rows.threads.values()].some(
            (row) => isOwn(row) && row.key === what.key && row.subject === what.subject,
          );
        case "run":
          return [...rows.runs.values()].some((row) => isOwn(row) && isSameKey(row.idempotency, what));
        case "input":
          return rows.runOf(tenantId, what.runId)?.inputs.some(({ dedupe }) => dedupe?.key === what.key) === true;
        case "version": {
          const agent = [...rows.agents.values()].find((row) => isOwn(row) && row.name === what.agent);
          return [...rows.versions.values()].some(
            (row) => row.agentId === agent?.id && row.configHash === what.configHash,
          );
        }
        default:
          return what satisfies never;
      }
    },
  };
}
