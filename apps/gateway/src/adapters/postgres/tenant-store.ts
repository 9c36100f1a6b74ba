import { isId } from "@hsafa/protocol";
import type { TenantStore } from "../../ports/tenant-store.ts";
import { findAgent, findVersion, listAgents, listVersions } from "./read-agents.ts";
import { findCall, listCalls, listCallsOfRun } from "./read-calls.ts";
import { findDevice, listDevices } from "./read-devices.ts";
import { listFiles } from "./read-files.ts";
import { listApiKeys } from "./read-keys.ts";
import { findRun, findRunBounds, findStart, findStarter, listRuns } from "./read-runs.ts";
import { listSecrets } from "./read-secrets.ts";
import { findThread, listThreads } from "./read-threads.ts";
import { RememberedAgents } from "./remembered-agents.ts";
import type { TenantSql } from "./sql.ts";
import { createApiKey, revokeApiKey, revokeTokens, rotateApiKey } from "./statements/keys/api-keys.ts";
import { listAudit } from "./statements/audit/list-audit.ts";
import { branchThread } from "./statements/threads/branch-thread.ts";
import { createThread } from "./statements/threads/create-thread.ts";
import { deleteThread } from "./statements/threads/delete-thread.ts";
import { listInheritedRuns, listThreadRuns } from "./statements/threads/list-thread-runs.ts";
import { renameThread } from "./statements/threads/rename-thread.ts";
import { abandonFile, beginFile, completeFile } from "./statements/files/complete-file.ts";
import { deleteFile, findFiles, listBranchesOfFile, listRunsOfFile, useFiles } from "./statements/files/use-files.ts";
import { enqueueInput } from "./statements/runs/enqueue-input.ts";
import { markAccepted, markSent } from "./statements/calls/mark-sent.ts";
import { promoteVersion } from "./statements/agents/promote-version.ts";
import { pushAgent } from "./statements/agents/push-agent.ts";
import { readEvents, readEventsBefore } from "./statements/runs/read-events.ts";
import { readTail } from "./statements/runs/read-tail.ts";
import { deleteDevice, drainDeviceSession, endDeviceSession } from "./statements/devices/end-device-session.ts";
import { registerDevices } from "./statements/devices/register-devices.ts";
import { countPendingPairings, pairDevice } from "./statements/devices/pair-device.ts";
import { confirmDeviceSessions, readSessionStanding } from "./statements/devices/session-standing.ts";
import { deleteSecret, putSecret, readSecret } from "./statements/secrets/put-secret.ts";
import { startRun } from "./statements/runs/start-run.ts";
import { knows } from "./statements/usage/knows.ts";
import { readUsage, setLimits } from "./statements/usage/read-usage.ts";
import { submitToolResult } from "./statements/calls/submit-tool-result.ts";
import type { TenantId } from "../../core/tenant-id.ts";

/** One tenant's statements. Each is given the tenant, and names it (R10). */
export function createTenantStore(sql: TenantSql, tenantId: TenantId, agents = new RememberedAgents()): TenantStore {
  return {
    pushAgent: (params) => pushAgent(sql, tenantId, params),
    listAgents: (params) => listAgents(sql, tenantId, params),
    findAgent: (params) => findAgent(sql, tenantId, params),
    listVersions: (params) => listVersions(sql, tenantId, params),
    findVersion: (params) => findVersion(sql, tenantId, params),
    promoteVersion: (params) => promoteVersion(sql, tenantId, params),

    startRun: (params) => startRun({ sql, agents }, tenantId, params),
    findRun: (params) => findRun(sql, tenantId, params),
    findRunBounds: (params) => findRunBounds(sql, tenantId, params),
    findStart: (key) => findStart(sql, tenantId, key),
    findStarter: (params) => findStarter(sql, tenantId, params),
    listRuns: (params) => listRuns(sql, tenantId, params),
    readTail: (params) => readTail(sql, tenantId, params),
    readEvents: (params) => readEvents(sql, tenantId, params),
    readEventsBefore: (params) => readEventsBefore(sql, tenantId, params),
    enqueueInput: (params) => enqueueInput(sql, tenantId, params),
    // A client may name a call by any short text. A text without the shape of an id names none.
    submitToolResult: async (params) =>
      isId(params.callId) ? submitToolResult(sql, tenantId, params) : { kind: "not_found" },
    findCall: async (params) => (isId(params.callId) ? findCall(sql, tenantId, params) : null),
    listCallsOfRun: (params) => listCallsOfRun(sql, tenantId, params),
    listCalls: (params) => listCalls(sql, tenantId, params),

    createThread: (params) => createThread(sql, tenantId, params),
    branchThread: (params) => branchThread(sql, tenantId, params),
    renameThread: (params) => renameThread(sql, tenantId, params),
    deleteThread: (params) => deleteThread(sql, tenantId, params),
    findThread: (params) => findThread(sql, tenantId, params),
    listThreads: (params) => listThreads(sql, tenantId, params),
    listThreadRuns: (params) => listThreadRuns(sql, tenantId, params),
    listInheritedRuns: (params) => listInheritedRuns(sql, tenantId, params),

    putSecret: (params) => putSecret(sql, tenantId, params),
    readSecret: (params) => readSecret(sql, tenantId, params),
    listSecrets: (params) => listSecrets(sql, tenantId, params),
    deleteSecret: (params) => deleteSecret(sql, tenantId, params),

    beginFile: (params) => beginFile(sql, tenantId, params),
    completeFile: (params) => completeFile(sql, tenantId, params),
    abandonFile: (params) => abandonFile(sql, tenantId, params),
    findFiles: (params) => findFiles(sql, tenantId, params),
    listRunsOfFile: (params) => listRunsOfFile(sql, tenantId, params),
    listBranchesOfFile: (params) => listBranchesOfFile(sql, tenantId, params),
    listFiles: (params) => listFiles(sql, tenantId, params),
    useFiles: (params) => useFiles(sql, tenantId, params),
    deleteFile: (params) => deleteFile(sql, tenantId, params),

    registerDevices: (registrations) => registerDevices(sql, tenantId, registrations),
    confirmDeviceSessions: (params) => confirmDeviceSessions(sql, tenantId, params),
    readSessionStanding: (params) => readSessionStanding(sql, tenantId, params),
    drainDeviceSession: (params) => drainDeviceSession(sql, tenantId, params),
    endDeviceSession: (params) => endDeviceSession(sql, tenantId, params),
    markSent: (params) => markSent(sql, tenantId, params),
    markAccepted: async (params) => {
      if (isId(params.callId)) await markAccepted(sql, tenantId, params);
    },
    pairDevice: (params) => pairDevice(sql, tenantId, params),
    countPendingPairings: (params) => countPendingPairings(sql, tenantId, params),
    listDevices: (params) => listDevices(sql, tenantId, params),
    findDevice: (params) => findDevice(sql, tenantId, params),
    deleteDevice: (params) => deleteDevice(sql, tenantId, params),

    readUsage: () => readUsage(sql, tenantId),
    setLimits: (params) => setLimits(sql, tenantId, params),
    knows: (what) => knows(sql, tenantId, what),

    listAudit: (params) => listAudit(sql, tenantId, params),

    createApiKey: (params) => createApiKey(sql, tenantId, params),
    listApiKeys: (params) => listApiKeys(sql, tenantId, params),
    rotateApiKey: (params) => rotateApiKey(sql, tenantId, params),
    revokeApiKey: (params) => revokeApiKey(sql, tenantId, params),
    revokeTokens: (params) => revokeTokens(sql, tenantId, params),
  };
}
