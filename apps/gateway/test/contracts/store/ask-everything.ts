import { START } from "@hsafa/protocol";
import { v7 } from "uuid";
import type { TenantStore } from "../../../src/ports/tenant-store.ts";
import { AN_ACTOR } from "../../support/an-actor.ts";
import { resultOf, startParams } from "./scene.ts";

/** What is asked for by each method of a tenant's store. */
export interface AskedIds {
  readonly agentId: string;
  readonly versionId: string;
  readonly runId: string;
  /** Its name. */
  readonly secret: string;
  readonly fileId: string;
  readonly callId: string;
  readonly threadId: string;
  readonly deviceId: string;
  readonly sessionId: string;
  readonly keyId: string;
  readonly pairingCode: string;
  readonly idempotencyKey: string;
}

/** Each of them makes something new, whatever is asked for. */
type Makes =
  | "beginFile"
  | "createThread"
  | "pushAgent"
  | "putSecret"
  | "registerDevices"
  | "createApiKey"
  | "revokeTokens";

/** Calls every method of a tenant's store that is asked for something. Returns what each of them said. */
export async function askEverything(
  tenant: TenantStore,
  ids: AskedIds,
): Promise<Record<Exclude<keyof TenantStore, Makes>, unknown>> {
  const page = { limit: 10, cursor: undefined };
  const message = { kind: "message" as const, message: { role: "user" as const, content: "x" } };
  const all = { ...page, toolName: undefined, status: undefined, subject: undefined };

  return {
    listAudit: (await tenant.listAudit(page)).data.filter(({ targets }) => targets.agentId === ids.agentId),
    listAgents: (await tenant.listAgents(page)).data.filter((agent) => agent.id === ids.agentId),
    findAgent: await tenant.findAgent({ idOrName: ids.agentId }),
    listVersions: await tenant.listVersions({ idOrName: ids.agentId, ...page }),
    findVersion: [
      await tenant.findVersion({ idOrName: ids.agentId, versionId: ids.versionId }),
      await tenant.findVersion({ idOrName: "worker", versionId: ids.versionId }),
    ],
    promoteVersion: [
      await tenant.promoteVersion({ by: AN_ACTOR, idOrName: ids.agentId, versionId: ids.versionId }),
      await tenant.promoteVersion({ by: AN_ACTOR, idOrName: "worker", versionId: ids.versionId }),
    ],
    startRun: [
      await tenant.startRun(startParams({ agent: ids.agentId })),
      await tenant.startRun(startParams({ versionId: ids.versionId })),
      await tenant.startRun(startParams({ threadId: ids.threadId })),
      await tenant.startRun(
        startParams({ fork: { from: { runId: ids.runId, position: "1-0" }, turns: [], threadId: v7() } }),
      ),
    ],
    findRun: await tenant.findRun({ runId: ids.runId }),
    findRunBounds: await tenant.findRunBounds({ runId: ids.runId }),
    findStart: await tenant.findStart({ key: ids.idempotencyKey, owner: "key", orUnowned: true }),
    findStarter: await tenant.findStarter({ runId: ids.runId }),
    listRuns: [
      await tenant.listRuns({
        ...page,
        status: undefined,
        agent: ids.agentId,
        threadId: undefined,
        subject: undefined,
      }),
      await tenant.listRuns({
        ...page,
        status: undefined,
        agent: undefined,
        threadId: ids.threadId,
        subject: undefined,
      }),
      await tenant.listRuns({
        ...page,
        status: undefined,
        agent: undefined,
        threadId: undefined,
        subject: undefined,
      }),
      ...(await Promise.all(
        [{ versionId: ids.versionId }, { device: ids.deviceId }, { metadataText: "{" }].map((filter) =>
          tenant.listRuns({
            ...page,
            status: undefined,
            agent: undefined,
            threadId: undefined,
            subject: undefined,
            ...filter,
          }),
        ),
      )),
    ],
    readTail: await tenant.readTail({ runId: ids.runId }),
    readEvents: [
      await tenant.readEvents({ runId: ids.runId, after: START, limit: 10, factsOnly: false }),
      await tenant.readEvents({ runId: ids.runId, after: START, limit: 10, factsOnly: true }),
    ],
    readEventsBefore: [
      await tenant.readEventsBefore({ runId: ids.runId, before: null, limit: 10, factsOnly: false }),
      await tenant.readEventsBefore({ runId: ids.runId, before: null, limit: 10, factsOnly: true }),
    ],
    enqueueInput: await tenant.enqueueInput({ by: AN_ACTOR, runId: ids.runId, input: message, dedupe: null }),
    submitToolResult: [
      await tenant.submitToolResult(resultOf(ids.callId, "a", { kind: "http", runId: ids.runId })),
      await tenant.submitToolResult(resultOf(ids.callId, "a", { kind: "device", deviceId: ids.deviceId })),
    ],
    findCall: await tenant.findCall({ callId: ids.callId }),
    listCallsOfRun: await tenant.listCallsOfRun({ runId: ids.runId, ...page }),
    listCalls: await tenant.listCalls({ ...all, deviceId: ids.deviceId }),
    findThread: await tenant.findThread({ idOrKey: ids.threadId, subject: null }),
    branchThread: await tenant.branchThread({
      threadId: v7(),
      runId: ids.runId,
      key: null,
      subject: null,
      title: null,
      metadata: {},
    }),
    renameThread: await tenant.renameThread({ threadId: ids.threadId, title: "mine" }),
    deleteThread: await tenant.deleteThread({ by: AN_ACTOR, threadId: ids.threadId }),
    listThreads: await tenant.listThreads({ ...page, subject: undefined }),
    listInheritedRuns: await tenant.listInheritedRuns({ threadId: ids.threadId, limit: 1 }),
    listThreadRuns: await tenant.listThreadRuns({ threadId: ids.threadId, ...page }),
    readSecret: await tenant.readSecret({ name: ids.secret }),
    listSecrets: (await tenant.listSecrets(page)).data.filter((secret) => secret.name === ids.secret),
    deleteSecret: await tenant.deleteSecret({ by: AN_ACTOR, name: ids.secret }),
    completeFile: await tenant.completeFile({ fileId: ids.fileId, mediaType: "a/b", size: 1, sha256: "0" }),
    abandonFile: await tenant.abandonFile({ fileId: ids.fileId }),
    findFiles: await tenant.findFiles({ fileIds: [ids.fileId] }),
    listRunsOfFile: await tenant.listRunsOfFile({ fileId: ids.fileId }),
    listBranchesOfFile: await tenant.listBranchesOfFile({ fileId: ids.fileId }),
    listFiles: await tenant.listFiles({ ...page, subject: undefined }),
    useFiles: await tenant.useFiles({ runId: v7(), fileIds: [ids.fileId] }),
    deleteFile: await tenant.deleteFile({ by: AN_ACTOR, fileId: ids.fileId }),
    confirmDeviceSessions: await tenant.confirmDeviceSessions({ sessionIds: [ids.sessionId] }),
    readSessionStanding: await tenant.readSessionStanding({ sessionId: ids.sessionId, deviceId: ids.deviceId }),
    drainDeviceSession: await tenant.drainDeviceSession({ sessionId: ids.sessionId }),
    endDeviceSession: await tenant.endDeviceSession({ sessionId: ids.sessionId, reason: "stranger" }),
    markSent: await tenant.markSent({ callId: ids.callId, attempt: 1, sessionId: ids.sessionId }),
    markAccepted: await tenant.markAccepted({ callId: ids.callId, deviceId: ids.deviceId }),
    pairDevice: await tenant.pairDevice({ by: AN_ACTOR, code: ids.pairingCode, subject: undefined }),
    countPendingPairings: await tenant.countPendingPairings({ deviceKey: "any", ownerId: "key" }),
    listDevices: await tenant.listDevices({ ...page, subject: undefined }),
    findDevice: await tenant.findDevice({ deviceId: ids.deviceId }),
    deleteDevice: await tenant.deleteDevice({ by: AN_ACTOR, deviceId: ids.deviceId }),
    readUsage: (await tenant.readUsage()).used.activeRuns,
    setLimits: await tenant.setLimits({ by: AN_ACTOR, limits: { devices: 1 } }),
    knows: [
      await tenant.knows({ kind: "thread", key: "secret", subject: null }),
      await tenant.knows({ kind: "device", key: "k" }),
    ],
    listApiKeys: (await tenant.listApiKeys(page)).data.filter(({ id }) => id === ids.keyId),
    rotateApiKey: await tenant.rotateApiKey({ by: AN_ACTOR, keyId: ids.keyId, keyHash: v7(), overlapMs: 0 }),
    revokeApiKey: await tenant.revokeApiKey({ by: AN_ACTOR, keyId: ids.keyId }),
  };
}
