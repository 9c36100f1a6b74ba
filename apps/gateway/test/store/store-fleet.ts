import type { LimitTerms } from "../../src/core/granted-limits.ts";
import { isOpenCallStatus } from "@hsafa/protocol";
import type { EventRecord } from "../../src/core/event-record.ts";
import type { DispatchStatus } from "../../src/core/input.ts";
import { mayTakeCall, namedDeviceKeys } from "../../src/core/recipient.ts";
import {
  CANDIDATES_PER_CALL_MAX,
  EVENTS_PAGE_MAX,
  DELETED_DEVICE_KEPT_MS,
  GATEWAY_KEPT_MS,
  HISTORY_READ_BYTES_MAX,
  LAPSED_LEASE_KEPT_MS,
  LOADED_FACTS_BYTES_MAX,
  OPEN_CALLS_PER_SESSION_MAX,
  SENT_CALLS_PER_SESSION_MAX,
  SWEEP_ROWS_MAX,
} from "../../src/ports/limits.ts";
import { readOfInbox } from "../../src/ports/inbox.ts";
import { TOOL_CALLS_PER_STEP_MAX } from "../../src/core/limits.ts";
import type {
  CallCandidate,
  FleetStore,
  Inbox,
  LoadedFacts,
  OpenCall,
  DispatchContext,
} from "../../src/ports/fleet-store.ts";
import { claimRuns } from "./store-claim.ts";
import { commit } from "./store-commit.ts";
import { createMemoryFleetFiles } from "./store-files.ts";
import { readFleet } from "./store-reports.ts";
import { removeThreads } from "./store-threads.ts";
import { createMemoryFleetTenants } from "./store-tenants.ts";
import { createMemoryFleetKeys, sweepKeys } from "./store-keys.ts";
import {
  type CallRow,
  type DeviceRow,
  insertEvent,
  isOpen,
  offerOf,
  servesRun,
  pageOfEvents,
  type Rows,
  type RunRow,
  type SessionRow,
} from "./store-rows.ts";

const byId = (a: { readonly call: { readonly callId: string } }, b: typeof a): number =>
  a.call.callId < b.call.callId ? -1 : 1;

/** The facts that come with a loaded run. */
function firstFacts({ events }: RunRow): EventRecord[] {
  let bytes = 0;
  const facts = events.filter((event) => event.sub === 0).slice(0, EVENTS_PAGE_MAX);
  return facts.filter(({ payload }) => {
    bytes += Buffer.byteLength(payload);
    return bytes <= LOADED_FACTS_BYTES_MAX;
  });
}

/** The statements that serve all tenants. Each runs in one go. */
export function createMemoryFleetStore(rows: Rows): FleetStore {
  /** The run, if this is its current epoch. */
  function held(runId: string, epoch: number): RunRow | null {
    const run = rows.runs.get(runId);
    return run?.epoch === epoch ? run : null;
  }

  function callsOf(runId: string): CallRow[] {
    return [...rows.calls.values()].filter((row) => row.runId === runId).toSorted(byId);
  }

  function inboxOf(run: RunRow): Inbox {
    const { read, left } = readOfInbox(run.inputs.filter((row) => !row.consumed));
    return {
      count: run.inbox,
      inputs: read.map(({ inputId, input }) => ({
        inputId,
        input:
          input.kind === "steer" && !rows.isMergeable(run.tenantId, input.runId)
            ? { ...input, isGone: true as const }
            : input,
      })),
      resultsUnread: left.some(({ input }) => input.kind === "tool_result"),
    };
  }

  function dispatchContextOf(run: RunRow): DispatchContext {
    const tools = rows.versions.get(run.versionId)?.parsed.tools ?? [];
    const keys = new Set([run.deviceKey, ...namedDeviceKeys(tools)]);
    const devices = [...rows.devices.values()].filter(
      ({ tenantId, key }) => tenantId === run.tenantId && keys.has(key),
    );
    const out = callsOf(run.id).filter(({ call }) => call.status === "dispatched" && call.recipient !== null);
    const statusOf = ({ sent }: CallRow): DispatchStatus =>
      sent === null
        ? { sent: false, connected: false }
        : { sent: true, connected: rows.isConnected(sent.deviceId, sent.bootId) };
    return {
      devices: Object.fromEntries(
        devices.map(({ key, id, owner, ownerId }) => [key, { deviceId: id, owner, ownerId }]),
      ),
      dispatches: Object.fromEntries(out.map((row) => [row.call.callId, statusOf(row)])),
    };
  }

  function openCallsOf(device: DeviceRow, session: SessionRow): OpenCall[] {
    const { bootId } = session;
    const isGone = ({ sent }: CallRow): boolean => sent !== null && !rows.isConnected(sent.deviceId, sent.bootId);
    const open = [...rows.calls.values()]
      .filter((row) => row.tenantId === device.tenantId && row.call.status === "dispatched" && row.resultHash === null)
      .filter((row) => mayTakeCall(offerOf(device), row.call) && servesRun(rows, device, session, row.runId))
      .toSorted(byId);
    const sentHere = open.filter(({ sent }) => sent?.deviceId === device.id);
    const inHand = sentHere.filter(({ sent }) => sent?.bootId === bootId);
    const forgotten = sentHere.filter(({ sent }) => sent?.bootId !== bootId);
    const others = open.filter(
      (row) => row.sent === null || (row.sent.deviceId !== device.id && row.call.repeatable && isGone(row)),
    );
    const listed = [
      ...[...inHand, ...forgotten].slice(0, SENT_CALLS_PER_SESSION_MAX),
      ...others.slice(0, OPEN_CALLS_PER_SESSION_MAX),
    ];
    return listed.map((row) => {
      const { callId, toolName, args, attempt, deadline, repeatable } = row.call;
      const sentTo = row.sent === null ? null : { ...row.sent, connected: !isGone(row) };
      return {
        callId,
        runId: row.runId,
        parentRunId: rows.runs.get(row.runId)?.parentRunId ?? null,
        toolName,
        args,
        attempt,
        deadline,
        repeatable,
        isForAny: isForAny(row),
        sentTo,
      };
    });
  }

  function isForAny({ call }: CallRow): boolean {
    return call.recipient?.kind === "any";
  }

  function candidatesOf(row: CallRow): CallCandidate[] {
    return [...rows.sessions.values()]
      .flatMap((session) => {
        const device = rows.devices.get(session.deviceId);
        const isThere = session.disconnectedAt === null && session.pairing === null && rows.isLive(session.gatewayId);
        if (device?.tenantId !== row.tenantId || !isThere) return [];
        if (!mayTakeCall(offerOf(device), row.call) || !servesRun(rows, device, session, row.runId)) return [];
        const sent = [...rows.calls.values()].filter(({ sentTo }) => sentTo.has(device.id));
        const inHand = sent.filter(
          (one) => one.sent?.deviceId === device.id && one.call.status === "dispatched" && one.resultHash === null,
        ).length;
        const { maxInFlight } = session;
        const lastSentAt = sent.toSorted(byId).at(-1)?.sentAt ?? null;
        return inHand < maxInFlight
          ? [{ callId: row.call.callId, deviceId: device.id, inHand, maxInFlight, lastSentAt }]
          : [];
      })
      .toSorted((one, other) => one.inHand - other.inHand || (one.lastSentAt ?? 0) - (other.lastSentAt ?? 0))
      .slice(0, CANDIDATES_PER_CALL_MAX);
  }

  return {
    ...createMemoryFleetKeys(rows),
    ...createMemoryFleetTenants(rows),

    claimRuns: claimRuns(rows),

    async loadRun({ tenantId, runId, epoch }) {
      const run = held(runId, epoch);
      const version = run === null ? undefined : rows.versions.get(run.versionId);
      const last = run?.events.at(-1);
      if (run === null || run.tenantId !== tenantId || version === undefined || last === undefined) return null;
      const { threadId, threadTurn, deviceKey } = run;
      return {
        deviceKey,
        config: version.parsed,
        facts: firstFacts(run),
        lastPosition: { seq: last.seq, sub: last.sub },
        earlierRunIds: threadId === null ? [] : rows.earlierRunIds(threadId, threadTurn),
        inbox: inboxOf(run),
        dispatchContext: dispatchContextOf(run),
      };
    },

    async loadOutline({ tenantId, runId, epoch }) {
      const run = held(runId, epoch);
      if (run === null || run.tenantId !== tenantId) return null;
      const open = callsOf(runId).filter(({ call }) => isOpenCallStatus(call.status));
      const openCalls = open.slice(0, TOOL_CALLS_PER_STEP_MAX).map(({ call }) => call);
      const parent = run.parentRunId === null ? null : { runId: run.parentRunId, callId: run.id };
      return { recoveries: run.recoveries, parent, run: run.projection, inboxCount: run.inbox, openCalls };
    },

    async readFacts({ tenantId, runId, afterSeq }) {
      const events = rows.runOf(tenantId, runId)?.events ?? [];
      const facts = events.filter((event) => event.sub === 0 && event.seq > afterSeq);
      return pageOfEvents(facts, EVENTS_PAGE_MAX);
    },

    async loadHistory({ tenantId, runIds, bytesMax }) {
      const page: LoadedFacts[] = [];
      let total = 0;
      for (const runId of runIds) {
        if (total >= HISTORY_READ_BYTES_MAX) break;
        const facts = (rows.runOf(tenantId, runId)?.events ?? []).filter((event) => event.sub === 0);
        const own = facts.reduce((sum, { payload }) => sum + Buffer.byteLength(payload), 0);
        page.push({ runId, facts: own > bytesMax ? null : facts });
        if (own <= bytesMax) total += own;
      }
      return page;
    },

    async readAgents({ tenantId, names }) {
      const own = [...rows.agents.values()].filter((row) => row.tenantId === tenantId && names.includes(row.name));
      return Object.fromEntries(
        own.flatMap(({ id, name, currentVersionId }) => {
          const version = rows.versions.get(currentVersionId ?? "");
          if (version === undefined) return [];
          const { maxSteps, limits } = version.config as LimitTerms;
          return [[name, { agentId: id, versionId: version.id, terms: { maxSteps, limits } }]];
        }),
      );
    },

    async readInbox({ runId, epoch }) {
      const run = held(runId, epoch);
      return run === null ? null : { inbox: inboxOf(run), dispatchContext: dispatchContextOf(run) };
    },

    commit: async (params) => commit(rows, params),

    async renewLeases({ gatewayId, leaseDurationMs, runs }) {
      if (runs.length === 0) return [];
      const now = rows.now();
      const named = new Map(runs.map(({ runId, epoch }) => [runId, epoch]));
      for (const run of rows.coveredBy(gatewayId)) {
        if (named.get(run.id) !== run.epoch) run.wakeAt = rows.gatewayLeases.get(gatewayId) ?? now;
      }
      rows.gatewayLeases.set(gatewayId, now + leaseDurationMs);
      return runs.flatMap(({ runId, epoch }) => {
        const run = held(runId, epoch);
        if (run?.leaseOwner !== gatewayId) return [];
        if (leaseDurationMs > 0) run.wakeAt = null;
        return [{ runId, epoch, inbox: run.inbox }];
      });
    },

    async releaseLeases({ runs }) {
      for (const { runId, epoch } of runs) {
        const run = held(runId, epoch);
        if (run === null || run.leaseOwner === null) continue;
        run.leaseOwner = null;
        run.wakeAt = rows.now();
      }
    },

    async settleStalls({ stalled, forgiven }) {
      for (const { runId, stalls } of stalled) {
        const run = rows.runs.get(runId);
        if (run !== undefined) run.stalls = Math.max(run.stalls, stalls);
      }
      const lost = forgiven.flatMap(({ runId, epoch }) => {
        const run = rows.runs.get(runId);
        return run !== undefined && run.epoch > epoch ? [run] : [];
      });
      for (const run of new Set(lost)) run.recoveries = Math.max(0, run.recoveries - 1);
    },

    async releaseClaims({ gatewayId, claimNumbers }) {
      for (const run of rows.runs.values()) {
        if (run.leaseOwner !== gatewayId || run.claimNumber === null || !claimNumbers.includes(run.claimNumber))
          continue;
        run.leaseOwner = null;
        run.wakeAt = rows.now();
      }
    },

    async appendDeltas({ rows: batch }) {
      for (const { tenantId, runId, epoch, record } of batch) {
        const run = held(runId, epoch);
        if (run?.tenantId !== tenantId || run.lastSeq < record.seq) continue;
        if (insertEvent(run.events, record)) rows.countBytes(tenantId, record.payload);
      }
    },

    async readTails({ runIds }) {
      return new Map(runIds.flatMap((id) => rows.runs.get(id) ?? []).map((run) => [run.id, run.lastSeq]));
    },

    async readNewestRuns({ threadIds }) {
      const newest = new Map<string, string | null>();
      for (const id of threadIds) if (rows.threads.get(id)?.deletedAt === null) newest.set(id, null);
      for (const { id, threadId } of [...rows.runs.values()].toSorted(
        (a, b) => (a.threadTurn ?? 0) - (b.threadTurn ?? 0),
      ))
        if (threadId !== null && newest.has(threadId)) newest.set(threadId, id);
      return newest;
    },

    async readOpenCalls({ sessionIds }) {
      return sessionIds.map((sessionId) => {
        const session = rows.sessions.get(sessionId);
        const device = session?.disconnectedAt === null ? rows.devices.get(session.deviceId) : undefined;
        if (session === undefined || device === undefined) return { sessionId, current: false, calls: [] };
        if (session.pairing !== null) return { sessionId, current: true, awaitsPairing: true, calls: [] };
        return { sessionId, current: true, calls: openCallsOf(device, session) };
      });
    },

    async readCandidates({ callIds }) {
      return callIds
        .toSorted()
        .flatMap((callId) => rows.calls.get(callId) ?? [])
        .filter((row) => row.call.status === "dispatched" && row.resultHash === null && row.sent === null)
        .filter(isForAny)
        .flatMap(candidatesOf);
    },

    async recordHeartbeat({ gatewayId, stopping }) {
      const { startedAt = rows.now(), report = null } = rows.gateways.get(gatewayId) ?? {};
      rows.gateways.set(gatewayId, { startedAt, report, heartbeatAt: rows.now(), stopping, lifeline: "held" });
      return {
        generation: rows.generation,
        isJudged: rows.isJudged,
        written: null,
        lastRevocation: rows.revocationCount,
      };
    },

    async reportGateway({ gatewayId, report }) {
      const row = rows.gateways.get(gatewayId);
      if (row !== undefined) row.report = report;
    },

    readFleet: () => Promise.resolve(readFleet(rows)),

    async judgeServer({ expected, wentBack }) {
      const isFirst = !rows.isJudged;
      rows.isJudged = true;
      const { tag, formerTags } = rows.generation;
      if (!wentBack || expected !== tag) return rows.generation;
      for (const run of rows.runs.values()) {
        if (isFirst && isOpen(run)) run.keptSeq = Math.min(run.keptSeq ?? run.lastSeq, run.lastSeq);
      }
      rows.generation = {
        tag: rows.clock.newId().slice(-8),
        formerTags: isFirst ? [...formerTags, tag] : [],
        wasReplaced: false,
      };
      return rows.generation;
    },

    async endDeadGateways({ silenceMs, until }) {
      const now = rows.now();
      if (now > until) return [];
      const due: RunRow[] = [];
      for (const [gatewayId, gateway] of rows.gateways) {
        if (gateway.lifeline !== "cut" || gateway.heartbeatAt >= now - silenceMs) continue;
        gateway.lifeline = "none";
        for (const session of rows.sessions.values()) {
          if (session.gatewayId !== gatewayId || session.disconnectedAt !== null) continue;
          session.disconnectedAt = now;
          session.reason = "gateway_lost";
        }
        due.push(
          ...[...rows.runs.values()].filter(
            (run) => run.leaseOwner === gatewayId && (run.wakeAt === null || run.wakeAt > now),
          ),
        );
      }
      for (const run of due) run.wakeAt = now;
      return due.map((run) => run.id);
    },

    async countLiveGateways({ withinMs }) {
      return [...rows.gateways.values()].filter(({ heartbeatAt }) => heartbeatAt > rows.now() - withinMs).length;
    },

    ...createMemoryFleetFiles(rows),
    async sweep({ gatewayTimeoutMs }) {
      const now = rows.now();
      for (const session of rows.sessions.values()) {
        if (session.disconnectedAt !== null || session.connectedAt > now - gatewayTimeoutMs) continue;
        if ((rows.gateways.get(session.gatewayId)?.heartbeatAt ?? 0) > now - gatewayTimeoutMs) continue;
        session.disconnectedAt = now;
        session.reason = "gateway_lost";
      }
      for (const [gatewayId, { heartbeatAt }] of rows.gateways) {
        if (heartbeatAt < now - GATEWAY_KEPT_MS) rows.gateways.delete(gatewayId);
      }
      for (const [gatewayId, endsAt] of rows.gatewayLeases) {
        if (endsAt < now - LAPSED_LEASE_KEPT_MS && rows.coveredBy(gatewayId).length === 0)
          rows.gatewayLeases.delete(gatewayId);
      }
      for (const [deviceId, deletedAt] of rows.deletedDevices) {
        if (deletedAt < now - DELETED_DEVICE_KEPT_MS) rows.deletedDevices.delete(deviceId);
      }
      sweepKeys(rows);
      removeThreads(rows);
      const due = [...rows.runs.values()]
        .filter((run) => run.wakeAt === null && run.epoch === 0 && isOpen(run) && !rows.waitsForTurn(run))
        .slice(0, SWEEP_ROWS_MAX);
      for (const run of due) run.wakeAt = now;
      return due.map((run) => run.id);
    },
  };
}
