import { noFileStore } from "./no-file-store.ts";
import type { JsonValue } from "@hsafa/protocol";
import type { ToolOutcome } from "../../src/core/input.ts";
import { OPEN_CALLS_PER_SESSION_MAX } from "../../src/ports/limits.ts";
import type { CallCandidate, FleetStore, OpenCall, OpenCallsOfSession } from "../../src/ports/fleet-store.ts";
import { sessionStanding, type StandingRow } from "../../src/ports/session-standing.ts";
import { type Store, StoreUnavailable } from "../../src/ports/store.ts";
import type { RegistrationOutcome } from "../../src/ports/tenant-devices.ts";
import type { SubmitResultOutcome, TenantStore } from "../../src/ports/tenant-store.ts";
import { asTenantId, type TenantId } from "../../src/core/tenant-id.ts";

interface Row {
  readonly callId: string;
  readonly tenantId: TenantId;
  readonly recipientKey: string | null;
  readonly toolName: string;
  readonly args: JsonValue;
  readonly repeatable: boolean;
  attempt: number;
  status: "dispatched" | "completed" | "failed" | "expired";
  sentTo: { deviceId: string; bootId: string } | null;
  resultHash: string | null;
}

interface SessionRow {
  readonly sessionId: string;
  readonly deviceId: string;
  readonly deviceKey: string;
  readonly tenantId: TenantId;
  readonly bootId: string;
  isConfirmed: boolean;
  reason: string | null;
}

/**
 * The part of the store that the device server uses, in memory and with faults on demand. The contract suites test the
 * real stores.
 */
export class DeviceRows {
  readonly calls = new Map<string, Row>();
  /** Who could take the calls that any device may take. */
  candidates: readonly CallCandidate[] = [];
  readonly sessions: SessionRow[] = [];
  readonly lost: string[] = [];
  readonly accepted: string[] = [];
  readonly outcomes = new Map<string, ToolOutcome>();
  /** Every method of the store rejects while this is set. */
  isAway = false;
  /** Sessions await their pairing while this is set. */
  awaitsPairing = false;
  /** A registration is carried out while this is set, and rejects all the same: its outcome is lost. */
  loseRegistrations = false;
  /** Awaited before a result is taken, so that a test can make the store slow. */
  beforeResult = (): Promise<void> => Promise.resolve();

  add(call: Partial<Row> & Pick<Row, "callId">): Row {
    const row: Row = {
      tenantId: asTenantId("tenant-1"),
      recipientKey: "laptop",
      toolName: "read_file",
      args: { path: "/tmp" },
      repeatable: false,
      attempt: 1,
      status: "dispatched",
      sentTo: null,
      resultHash: null,
      ...call,
    };
    this.calls.set(row.callId, row);
    return row;
  }

  get store(): Store {
    const fleet: Pick<FleetStore, "readOpenCalls" | "readCandidates"> = {
      readCandidates: async () => this.candidates,
      readOpenCalls: async ({ sessionIds }) => this.#openCalls(sessionIds),
    };
    return {
      fleet: fleet as FleetStore,
      forTenant: (tenantId) => this.#forTenant(tenantId) as TenantStore,
      files: noFileStore,
      check: async () => null,
      close: async () => {},
    };
  }

  #openCalls(sessionIds: readonly string[]): OpenCallsOfSession[] {
    this.#mustBeThere();
    return this.sessions
      .filter(({ sessionId }) => sessionIds.includes(sessionId))
      .map((session) => {
        const open = [...this.calls.values()]
          .filter(({ status, tenantId }) => status === "dispatched" && tenantId === session.tenantId)
          .filter(({ recipientKey }) => recipientKey === null || recipientKey === session.deviceKey)
          .filter(({ resultHash }) => resultHash === null);
        const isInHand = ({ sentTo }: Row): boolean => isSame(session, sentTo);
        const others = open.filter((row) => !isInHand(row)).slice(0, OPEN_CALLS_PER_SESSION_MAX);
        return {
          sessionId: session.sessionId,
          current: session.reason === null,
          ...(this.awaitsPairing ? { awaitsPairing: true } : {}),
          calls: [...open.filter(isInHand), ...others].map((row) => this.#openCall(row)),
        };
      });
  }

  #openCall(row: Row): OpenCall {
    const { callId, toolName, args, attempt, repeatable, sentTo } = row;
    const connected = this.sessions.some((session) => session.reason === null && isSame(session, sentTo));
    return {
      callId,
      runId: "run-1",
      parentRunId: null,
      toolName,
      args,
      attempt,
      deadline: null,
      repeatable,
      isForAny: row.recipientKey === null,
      sentTo: sentTo === null ? null : { ...sentTo, connected },
    };
  }

  #forTenant(tenantId: TenantId): Partial<TenantStore> {
    return {
      registerDevices: async (registrations): Promise<RegistrationOutcome[]> => {
        this.#mustBeThere();
        const outcomes = registrations.map(({ sessionId, deviceKey, bootId }): RegistrationOutcome => {
          const deviceId = `device of ${deviceKey}`;
          for (const session of this.sessions) if (session.deviceId === deviceId) session.reason ??= "replaced";
          this.sessions.push({ sessionId, deviceId, deviceKey, tenantId, bootId, isConfirmed: false, reason: null });
          return { kind: "registered", deviceId, sessionId, awaitsPairing: this.awaitsPairing };
        });
        if (this.loseRegistrations) throw new StoreUnavailable("the answer was lost");
        return outcomes;
      },
      countPendingPairings: async () => 0,
      endDeviceSession: async ({ sessionId, reason }) => {
        this.#mustBeThere();
        const session = this.sessions.find((row) => row.sessionId === sessionId);
        if (session !== undefined) session.reason ??= reason;
      },
      markSent: async ({ callId, attempt, sessionId }) => {
        this.#mustBeThere();
        const row = this.calls.get(callId);
        const session = this.sessions.find((candidate) => candidate.sessionId === sessionId);
        if (row?.status !== "dispatched" || row.attempt !== attempt || row.resultHash !== null) return false;
        if (session === undefined || session.reason !== null) return false;
        if (row.sentTo !== null && !isSame(session, row.sentTo)) return false;
        row.sentTo = { deviceId: session.deviceId, bootId: session.bootId };
        return true;
      },
      markAccepted: async ({ callId }) => {
        this.accepted.push(callId);
      },
      enqueueInput: async ({ input }) => {
        if (input.kind === "dispatch_lost") this.lost.push(`${input.callId} ${input.attempt}`);
        return { kind: "accepted", status: "waiting_tool" };
      },
      submitToolResult: async ({ callId, outcome, bodyHash, from }): Promise<SubmitResultOutcome> => {
        await this.beforeResult();
        this.#mustBeThere();
        const row = this.calls.get(callId);
        if (row === undefined || from.kind !== "device" || row.sentTo?.deviceId !== from.deviceId)
          return { kind: "not_found" };
        if (row.resultHash === bodyHash) return { kind: "duplicate", runId: "run-1" };
        if (row.resultHash !== null || row.status !== "dispatched") return { kind: "conflict", status: row.status };
        row.resultHash = bodyHash;
        this.outcomes.set(callId, outcome);
        return { kind: "accepted", runId: "run-1", taken: null };
      },
      confirmDeviceSessions: async ({ sessionIds }) => {
        this.#mustBeThere();
        for (const session of this.sessions)
          if (sessionIds.includes(session.sessionId) && session.reason === null) session.isConfirmed = true;
      },
      readSessionStanding: async ({ sessionId, deviceId }) => {
        this.#mustBeThere();
        const sessions = this.sessions.filter((session) => session.deviceId === deviceId);
        if (sessions.length === 0) return "device_deleted";
        const rows = sessions.map(
          ({ sessionId: id, isConfirmed, reason }): StandingRow => ({
            id,
            confirmedAt: isConfirmed ? 0 : null,
            disconnectedAt: reason === null ? null : 0,
            reason,
          }),
        );
        return sessionStanding({
          own: rows.find(({ id }) => id === sessionId) ?? null,
          open: rows.find(({ disconnectedAt }) => disconnectedAt === null) ?? null,
        });
      },
    };
  }

  #mustBeThere(): void {
    if (this.isAway) throw new StoreUnavailable("away");
  }
}

function isSame(session: SessionRow, sentTo: Row["sentTo"]): boolean {
  return sentTo !== null && session.deviceId === sentTo.deviceId && session.bootId === sentTo.bootId;
}
