import { isOpenCallStatus, isTerminalStatus } from "@hsafa/protocol";
import { agentConfigSchema } from "@hsafa/protocol/schema";
import { mayTakeCall } from "../../src/core/recipient.ts";
import { inboxMaxFor, toolResultInput } from "../../src/ports/inbox.ts";
import { EVENTS_PAGE_BYTES_MAX } from "../../src/ports/limits.ts";
import { SESSION_REPLACED, sessionStanding } from "../../src/ports/session-standing.ts";
import { storableText } from "../../src/ports/storable-text.ts";
import type { SubmitResultOutcome, TenantStore } from "../../src/ports/tenant-store.ts";
import { createTenantLists, threadOf } from "./store-lists.ts";
import { type CallRow, firstAfter, isOpen, offerOf, type Rows, type ThreadRow } from "./store-rows.ts";
import { startRun } from "./store-start.ts";

/** One tenant's statements. Each runs in one go. */
export function createMemoryTenantStore(rows: Rows, tenantId: string): TenantStore {
  function findCall(callId: string): CallRow | undefined {
    const row = rows.calls.get(callId);
    return row?.tenantId === tenantId ? row : undefined;
  }

  function createThread(params: Parameters<TenantStore["createThread"]>[0]): { row: ThreadRow; created: boolean } {
    const { threadId, metadata } = params;
    const key = params.key === null ? null : storableText(params.key);
    const known = [...rows.threads.values()].find(
      (row) => row.tenantId === tenantId && (row.id === threadId || (key !== null && row.key === key)),
    );
    if (known !== undefined) return { row: known, created: false };
    const row = { id: threadId, tenantId, key, metadata, createdAt: rows.now(), turns: 0 };
    rows.threads.set(threadId, row);
    return { row, created: true };
  }

  return {
    ...createTenantLists(rows, tenantId),

    async pushAgent({ name, description, version, config, configHash, promote }) {
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
      const label = version ?? String(agent.versionCount);
      const row = known ?? {
        id: rows.clock.newId(),
        agentId,
        version: label,
        description,
        config,
        configHash,
        parsed: agentConfigSchema.parse(config),
        createdAt: now,
      };
      rows.versions.set(row.id, row);
      if (known === undefined || (promote && agent.currentVersionId !== row.id)) agent.updatedAt = now;
      if (promote) agent.currentVersionId = row.id;
      return { agentId, versionId: row.id, version: row.version, configHash, created: known === undefined };
    },

    startRun: async (params) =>
      startRun(rows, tenantId, params, (key) => createThread({ threadId: rows.clock.newId(), key, metadata: {} }).row),

    async readTail({ runId }) {
      const run = rows.runOf(tenantId, runId);
      return run === undefined ? null : { status: run.projection.status, lastSeq: run.lastSeq };
    },

    async readEvents({ runId, after, limit, factsOnly }) {
      const events = rows.runOf(tenantId, runId)?.events ?? [];
      const all = events.slice(firstAfter(events, after));
      let bytes = 0;
      // The first record passes whatever its size.
      return (factsOnly ? all.filter((event) => event.sub === 0) : all).slice(0, limit).filter((event) => {
        const passes = bytes < EVENTS_PAGE_BYTES_MAX;
        bytes += Buffer.byteLength(event.payload);
        return passes;
      });
    },

    async enqueueInput({ runId, input, dedupe }) {
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
        if (call.call.status !== "awaiting_approval")
          return { kind: "call_not_awaiting", callStatus: call.call.status };
      }
      if (run.inbox >= inboxMaxFor(input.kind)) return { kind: "inbox_full" };
      rows.enqueueInput(run, input, dedupe);
      return { kind: "accepted", status };
    },

    async submitToolResult(params): Promise<SubmitResultOutcome> {
      const { callId, bodyHash, from } = params;
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
      if (run.inbox >= inboxMaxFor("tool_result")) return { kind: "inbox_full" };
      row.resultHash = bodyHash;
      rows.enqueueInput(run, toolResultInput(params), null);
      return { kind: "accepted", runId: run.id };
    },

    async createThread(params) {
      const { row, created } = createThread(params);
      return { thread: threadOf(row), created };
    },

    async registerDevice(params) {
      const { sessionId, gatewayId, deviceKey: key, displayName, platform, labels, tools, bootId } = params;
      const now = rows.now();
      const known = [...rows.devices.values()].find((row) => row.tenantId === tenantId && row.key === key);
      const { id, createdAt } = known ?? { id: rows.clock.newId(), createdAt: now };
      rows.devices.set(id, { id, tenantId, key, createdAt, displayName, platform, labels, tools, lastSeenAt: now });
      for (const session of rows.sessions.values()) {
        if (session.deviceId !== id || session.disconnectedAt !== null) continue;
        session.disconnectedAt = now;
        session.reason = SESSION_REPLACED;
      }
      const open = { confirmedAt: null, disconnectedAt: null, reason: null };
      rows.sessions.set(sessionId, { id: sessionId, deviceId: id, gatewayId, bootId, connectedAt: now, ...open });
      return { deviceId: id, sessionId };
    },

    async confirmDeviceSession({ sessionId }) {
      const session = rows.sessions.get(sessionId);
      if (session?.disconnectedAt !== null || rows.deviceOf(tenantId, session.deviceId) === undefined) return;
      session.confirmedAt ??= rows.now();
    },

    async readSessionStanding({ sessionId, deviceId }) {
      if (rows.deviceOf(tenantId, deviceId) === undefined) return "device_deleted";
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

    async markSent({ callId, attempt, sessionId }) {
      const row = findCall(callId);
      const session = rows.sessions.get(sessionId);
      const device = session?.disconnectedAt === null ? rows.deviceOf(tenantId, session.deviceId) : undefined;
      if (row === undefined || session === undefined || device === undefined) return false;
      const { call, sent } = row;
      if (call.status !== "dispatched" || call.attempt !== attempt || row.resultHash !== null) return false;
      if (!mayTakeCall(offerOf(device), call)) return false;
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

    async deleteDevice({ deviceId }) {
      if (rows.deviceOf(tenantId, deviceId) === undefined) return false;
      rows.devices.delete(deviceId);
      for (const session of rows.sessions.values()) if (session.deviceId === deviceId) rows.sessions.delete(session.id);
      return true;
    },
  };
}
