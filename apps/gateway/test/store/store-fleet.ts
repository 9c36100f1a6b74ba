import { isOpenCallStatus, isTerminalStatus } from "@hsafa/protocol";
import type { DispatchStatus } from "../../src/core/input.ts";
import { mayTakeCall, namedDeviceKeys } from "../../src/core/recipient.ts";
import {
  GATEWAY_KEPT_MS,
  INPUTS_PER_DRAIN_MAX,
  OPEN_CALLS_PER_SESSION_MAX,
  SENT_CALLS_PER_SESSION_MAX,
  SWEEP_ROWS_MAX,
  THREAD_HISTORY_RUNS_MAX,
} from "../../src/ports/limits.ts";
import { TOOL_CALLS_PER_STEP_MAX } from "../../src/core/limits.ts";
import type { FleetStore, Inbox, OpenCall, DispatchContext } from "../../src/ports/fleet-store.ts";
import { claimRuns } from "./store-claim.ts";
import { commit } from "./store-commit.ts";
import {
  type CallRow,
  type DeviceRow,
  type InputRow,
  insertEvent,
  offerOf,
  type Rows,
  type RunRow,
} from "./store-rows.ts";

const byId = (a: { readonly call: { readonly callId: string } }, b: typeof a): number =>
  a.call.callId < b.call.callId ? -1 : 1;

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
    const waiting = run.inputs.filter((row) => !row.consumed);
    const isCancel = ({ input }: InputRow): boolean => input.kind === "cancel";
    const inOrder = [...waiting.filter(isCancel), ...waiting.filter((row) => !isCancel(row))];
    return {
      count: run.inbox,
      inputs: inOrder.slice(0, INPUTS_PER_DRAIN_MAX).map(({ inputId, input }) => ({ inputId, input })),
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
      deviceIds: Object.fromEntries(devices.map((device) => [device.key, device.id])),
      dispatches: Object.fromEntries(out.map((row) => [row.call.callId, statusOf(row)])),
    };
  }

  function openCallsOf(device: DeviceRow, bootId: string): OpenCall[] {
    const isGone = ({ sent }: CallRow): boolean => sent !== null && !rows.isConnected(sent.deviceId, sent.bootId);
    const open = [...rows.calls.values()]
      .filter((row) => row.tenantId === device.tenantId && row.call.status === "dispatched" && row.resultHash === null)
      .filter((row) => mayTakeCall(offerOf(device), row.call))
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
      return { callId, runId: row.runId, toolName, args, attempt, deadline, repeatable, sentTo };
    });
  }

  return {
    claimRuns: claimRuns(rows),

    async loadRun({ tenantId, runId, epoch }) {
      const run = held(runId, epoch);
      const version = run === null ? undefined : rows.versions.get(run.versionId);
      const last = run?.events.at(-1);
      if (run === null || run.tenantId !== tenantId || version === undefined || last === undefined) return null;
      const { threadId, threadTurn, deviceKey } = run;
      const earlier =
        threadId === null
          ? []
          : rows
              .runsOfThread(threadId)
              .filter((other) => other.threadTurn < threadTurn && isTerminalStatus(other.projection.status));
      return {
        deviceKey,
        config: version.parsed,
        facts: run.events.filter((event) => event.sub === 0),
        lastPosition: { seq: last.seq, sub: last.sub },
        earlierRunIds: earlier.slice(-THREAD_HISTORY_RUNS_MAX).map((other) => other.id),
        inbox: inboxOf(run),
        dispatchContext: dispatchContextOf(run),
      };
    },

    async loadOutline({ tenantId, runId, epoch }) {
      const run = held(runId, epoch);
      if (run === null || run.tenantId !== tenantId) return null;
      const open = callsOf(runId).filter(({ call }) => isOpenCallStatus(call.status));
      const openCalls = open.slice(0, TOOL_CALLS_PER_STEP_MAX).map(({ call }) => call);
      return { run: run.projection, inboxCount: run.inbox, openCalls };
    },

    async loadFacts({ tenantId, runIds }) {
      const runs = runIds.flatMap((runId) => rows.runOf(tenantId, runId) ?? []);
      return new Map(runs.map((run) => [run.id, run.events.filter((event) => event.sub === 0)]));
    },

    async readInbox({ runId, epoch }) {
      const run = held(runId, epoch);
      return run === null ? null : { inbox: inboxOf(run), dispatchContext: dispatchContextOf(run) };
    },

    commit: async (params) => commit(rows, params),

    async renewLeases({ gatewayId, leaseDurationMs, runs }) {
      return runs.flatMap(({ runId, epoch }) => {
        const run = held(runId, epoch);
        if (run?.leaseOwner !== gatewayId) return [];
        run.wakeAt = rows.now() + leaseDurationMs;
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
        if (run?.tenantId === tenantId) insertEvent(run.events, record);
      }
    },

    async readTails({ runIds }) {
      return new Map(runIds.flatMap((id) => rows.runs.get(id) ?? []).map((run) => [run.id, run.lastSeq]));
    },

    async readOpenCalls({ sessionIds }) {
      return sessionIds.map((sessionId) => {
        const session = rows.sessions.get(sessionId);
        const device = session?.disconnectedAt === null ? rows.devices.get(session.deviceId) : undefined;
        if (session === undefined || device === undefined) return { sessionId, current: false, calls: [] };
        return { sessionId, current: true, calls: openCallsOf(device, session.bootId) };
      });
    },

    async recordHeartbeat({ gatewayId, stopping }) {
      rows.gateways.set(gatewayId, { heartbeatAt: rows.now(), stopping, lifeline: "held" });
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
        due.push(...[...rows.runs.values()].filter((run) => run.leaseOwner === gatewayId && (run.wakeAt ?? 0) > now));
      }
      for (const run of due) run.wakeAt = now;
      return due.map((run) => run.id);
    },

    async countLiveGateways({ withinMs }) {
      return [...rows.gateways.values()].filter(({ heartbeatAt }) => heartbeatAt > rows.now() - withinMs).length;
    },

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
      const due = [...rows.runs.values()]
        .filter((run) => run.wakeAt === null && run.epoch === 0 && !rows.waitsForTurn(run))
        .slice(0, SWEEP_ROWS_MAX);
      for (const run of due) run.wakeAt = now;
      return due.map((run) => run.id);
    },

    findApiKey: async ({ keyHash }) => rows.keys.get(keyHash) ?? null,

    async ensureApiKey({ tenantName, name, keyHash, scopes }) {
      const known = rows.keys.get(keyHash);
      if (known !== undefined) return known;
      const tenantId = rows.tenants.get(tenantName) ?? rows.clock.newId();
      rows.tenants.set(tenantName, tenantId);
      const owner = { keyId: rows.clock.newId(), tenantId, name, scopes };
      rows.keys.set(keyHash, owner);
      return owner;
    },
  };
}
