import { isId } from "@hsafa/protocol";
import type { TenantStore } from "../../ports/tenant-store.ts";
import type { Prisma } from "./prisma.ts";
import { findAgent, findVersion, listAgents, listVersions, promoteVersion } from "./read-agents.ts";
import { findCall, listCalls, listCallsOfRun } from "./read-calls.ts";
import { findDevice, listDevices } from "./read-devices.ts";
import { findRun, listRuns } from "./read-runs.ts";
import { findThread, listThreadRuns } from "./read-threads.ts";
import type { Sql } from "./sql.ts";
import { createThread } from "./statements/threads/create-thread.ts";
import { enqueueInput } from "./statements/runs/enqueue-input.ts";
import { markAccepted, markSent } from "./statements/calls/mark-sent.ts";
import { pushAgent } from "./statements/agents/push-agent.ts";
import { readEvents } from "./statements/runs/read-events.ts";
import { readTail } from "./statements/runs/read-tail.ts";
import { deleteDevice, endDeviceSession, registerDevice } from "./statements/devices/register-device.ts";
import { confirmDeviceSession, readSessionStanding } from "./statements/devices/session-standing.ts";
import { startRun } from "./statements/runs/start-run.ts";
import { submitToolResult } from "./statements/calls/submit-tool-result.ts";

/** One tenant's statements. Each is given the tenant, and names it (R10). */
export function createTenantStore(sql: Sql, prisma: Prisma, tenantId: string): TenantStore {
  return {
    pushAgent: (params) => pushAgent(sql, tenantId, params),
    listAgents: (params) => listAgents({ sql, prisma }, tenantId, params),
    findAgent: (params) => findAgent(prisma, tenantId, params),
    listVersions: (params) => listVersions({ sql, prisma }, tenantId, params),
    findVersion: (params) => findVersion(prisma, tenantId, params),
    promoteVersion: (params) => promoteVersion(prisma, tenantId, params),

    startRun: (params) => startRun(sql, tenantId, params),
    findRun: (params) => findRun(prisma, tenantId, params),
    listRuns: (params) => listRuns({ sql, prisma }, tenantId, params),
    readTail: (params) => readTail(sql, tenantId, params),
    readEvents: (params) => readEvents(sql, tenantId, params),
    enqueueInput: (params) => enqueueInput(sql, tenantId, params),
    // A client may name a call by any short text. A text without the shape of an id names none.
    submitToolResult: async (params) =>
      isId(params.callId) ? submitToolResult(sql, tenantId, params) : { kind: "not_found" },
    findCall: async (params) => (isId(params.callId) ? findCall({ sql, prisma }, tenantId, params) : null),
    listCallsOfRun: (params) => listCallsOfRun({ sql, prisma }, tenantId, params),
    listCalls: (params) => listCalls({ sql, prisma }, tenantId, params),

    createThread: (params) => createThread(sql, tenantId, params),
    findThread: (params) => findThread(prisma, tenantId, params),
    listThreadRuns: (params) => listThreadRuns(prisma, tenantId, params),

    registerDevice: (params) => registerDevice(sql, tenantId, params),
    confirmDeviceSession: (params) => confirmDeviceSession(sql, tenantId, params),
    readSessionStanding: (params) => readSessionStanding(sql, tenantId, params),
    endDeviceSession: (params) => endDeviceSession(sql, tenantId, params),
    markSent: (params) => markSent(sql, tenantId, params),
    markAccepted: async (params) => {
      if (isId(params.callId)) await markAccepted(sql, tenantId, params);
    },
    listDevices: (params) => listDevices({ sql, prisma }, tenantId, params),
    findDevice: (params) => findDevice({ sql, prisma }, tenantId, params),
    deleteDevice: (params) => deleteDevice(sql, tenantId, params),
  };
}
