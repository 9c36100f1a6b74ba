import { ANY_STARTER } from "../../../test/support/any-starter.ts";
import { START } from "@hsafa/protocol";
import { v7 } from "uuid";
import { expect, test } from "vitest";
import type { TenantStore } from "../../ports/tenant-store.ts";
import { createFleetStore } from "./fleet-store.ts";
import type { Query } from "./statement.ts";
import type { Sql } from "./sql.ts";
import { createTenantStore } from "./tenant-store.ts";
import { asTenantId } from "../../core/tenant-id.ts";
import { AN_ACTOR } from "../../../test/support/an-actor.ts";
import { A_FILE } from "../../../test/support/a-file.ts";

/** Remembers the queries it is given, and returns no rows. */
function recordingSql() {
  const seen: Query[] = [];
  const sql: Sql = {
    query(query) {
      seen.push(query);
      return Promise.resolve([]);
    },
    script: () => Promise.reject(new Error("no request runs a script")),
    workAs: () => Promise.reject(new Error("no request changes the role")),
    forgetPlans: () => Promise.reject(new Error("no request forgets plans")),
    close: () => Promise.resolve(),
  };
  return { sql, seen };
}

test("what serves all tenants at once is this and no more (R10)", () => {
  expect(Object.keys(createFleetStore(recordingSql().sql)).toSorted()).toEqual([
    "appendDeltas",
    "claimRuns",
    "commit",
    "countLiveGateways",
    "createTenant",
    "endDeadGateways",
    "endInitialKeys",
    "ensureApiKey",
    "findApiKey",
    "findTenant",
    "forgetFiles",
    "judgeServer",
    "listTenants",
    "loadHistory",
    "loadOutline",
    "loadRun",
    "readAgents",
    "readCandidates",
    "readFacts",
    "readFleet",
    "readInbox",
    "readNewestRuns",
    "readOpenCalls",
    "readRevocationNumber",
    "readRevocations",
    "readTails",
    "recordHeartbeat",
    "recordKeyUse",
    "releaseClaims",
    "releaseLeases",
    "renewLeases",
    "reportGateway",
    "setTenantDisabled",
    "settleStalls",
    "sweep",
    "takeExpiredFiles",
  ]);
});

test("every statement that serves a request names its tenant (R10)", async () => {
  const { sql, seen } = recordingSql();
  const tenantId = asTenantId(v7());
  const store = createTenantStore(sql, tenantId);
  const runId = v7();
  const outcome = { kind: "completed" as const, result: 1 };
  const config = { name: "a", model: "demo/x" };
  const calls: Partial<Record<keyof TenantStore, () => Promise<unknown>>> = {
    pushAgent: () =>
      store.pushAgent({
        by: AN_ACTOR,
        name: "a",
        description: null,
        version: null,
        config,
        configHash: "h",
        promote: true,
      }),
    startRun: () =>
      store.startRun({
        runId,
        agent: "a",
        versionId: undefined,
        by: AN_ACTOR,
        policy: "queue",
        threadId: undefined,
        earlier: [],
        messages: [],
        deviceKey: null,
        metadata: {},
        limits: undefined,
        admit: () => [],
        subject: null,
        startedBy: ANY_STARTER,
        idempotency: null,
      }),
    listRuns: async () => {
      const of = { limit: 1, cursor: undefined, status: undefined, subject: undefined } as const;
      for (const agent of [undefined, "a", v7()])
        for (const threadId of [undefined, "t"]) await store.listRuns({ ...of, agent, threadId });
      const all = { ...of, agent: undefined, threadId: undefined };
      for (const filter of [
        { versionId: v7() },
        { device: v7() },
        { device: "d" },
        { metadataText: "x" },
        { since: 1 },
      ])
        await store.listRuns({ ...all, ...filter });
    },
    findRun: () => store.findRun({ runId }),
    findRunBounds: () => store.findRunBounds({ runId }),
    findStarter: () => store.findStarter({ runId }),
    findStart: () => store.findStart({ key: "k", owner: "o", orUnowned: true }),
    readTail: () => store.readTail({ runId }),
    readEvents: async () => {
      for (const factsOnly of [true, false]) await store.readEvents({ runId, after: START, limit: 1, factsOnly });
    },
    readEventsBefore: async () => {
      for (const factsOnly of [true, false]) await store.readEventsBefore({ runId, before: null, limit: 1, factsOnly });
    },
    enqueueInput: () =>
      store.enqueueInput({ by: AN_ACTOR, runId, input: { kind: "cancel", reason: null }, dedupe: null }),
    submitToolResult: () =>
      store.submitToolResult({ callId: v7(), outcome, bodyHash: "h", from: { kind: "http", runId } }),
    findCall: () => store.findCall({ callId: v7() }),
    listCallsOfRun: () => store.listCallsOfRun({ runId, limit: 1, cursor: undefined }),
    listCalls: async () => {
      const none = { limit: 1, cursor: undefined, toolName: undefined, deviceId: undefined, status: undefined };
      for (const subject of [undefined, null, "u"]) await store.listCalls({ ...none, subject });
      await store.listCalls({ ...none, toolName: "t", deviceId: v7(), status: "failed", subject: "u" });
    },
    findThread: async () => {
      for (const idOrKey of ["t", v7()]) await store.findThread({ idOrKey, subject: null });
    },
    listThreads: async () => {
      for (const subject of [undefined, null, "u"]) await store.listThreads({ limit: 1, cursor: undefined, subject });
    },
    createThread: () => store.createThread({ threadId: v7(), key: null, subject: null, metadata: {} }),
    branchThread: () =>
      store.branchThread({ threadId: v7(), runId, key: null, subject: null, title: null, metadata: {} }),
    listInheritedRuns: () => store.listInheritedRuns({ threadId: v7(), limit: 1 }),
    listThreadRuns: () => store.listThreadRuns({ threadId: v7(), limit: 1, cursor: undefined }),
    deleteThread: () => store.deleteThread({ by: AN_ACTOR, threadId: v7() }),
    renameThread: () => store.renameThread({ threadId: v7(), title: "t" }),
    putSecret: () => store.putSecret({ by: AN_ACTOR, secretId: v7(), name: "n", sealed: "s", setBy: "k" }),
    readSecret: () => store.readSecret({ name: "n" }),
    listSecrets: () => store.listSecrets({ limit: 1, cursor: undefined }),
    deleteSecret: () => store.deleteSecret({ by: AN_ACTOR, name: "n" }),
    beginFile: () => store.beginFile({ ...A_FILE, fileId: v7() }),
    completeFile: () => store.completeFile({ fileId: v7(), mediaType: "text/plain", size: 1, sha256: "0" }),
    abandonFile: () => store.abandonFile({ fileId: v7() }),
    findFiles: () => store.findFiles({ fileIds: [v7()] }),
    listRunsOfFile: () => store.listRunsOfFile({ fileId: v7() }),
    listBranchesOfFile: () => store.listBranchesOfFile({ fileId: v7() }),
    listFiles: async () => {
      for (const subject of [undefined, null, "u"]) await store.listFiles({ limit: 1, cursor: undefined, subject });
    },
    useFiles: () => store.useFiles({ runId, fileIds: [v7()] }),
    deleteFile: () => store.deleteFile({ by: AN_ACTOR, fileId: v7() }),
    registerDevices: () =>
      store.registerDevices([
        {
          by: AN_ACTOR,
          sessionId: v7(),
          gatewayId: "g",
          deviceKey: "k",
          displayName: null,
          platform: null,
          labels: {},
          tools: [],
          bootId: "b",
          maxInFlight: 1,
          owner: "k",
          ownerId: "key:1",
          subject: null,
          onlyRunId: null,
          onlyThreadId: null,
          mayTakeOver: false,
          isPooled: true,
        },
      ]),
    confirmDeviceSessions: () => store.confirmDeviceSessions({ sessionIds: [v7()] }),
    readSessionStanding: () => store.readSessionStanding({ sessionId: v7(), deviceId: v7() }),
    drainDeviceSession: () => store.drainDeviceSession({ sessionId: v7() }),
    endDeviceSession: () => store.endDeviceSession({ sessionId: v7(), reason: "closed" }),
    pairDevice: () => store.pairDevice({ by: AN_ACTOR, code: "c", subject: undefined }),
    countPendingPairings: () => store.countPendingPairings({ deviceKey: "k", ownerId: "o" }),
    markSent: () => store.markSent({ callId: v7(), attempt: 1, sessionId: v7() }),
    markAccepted: () => store.markAccepted({ callId: v7(), deviceId: v7() }),
    deleteDevice: () => store.deleteDevice({ by: AN_ACTOR, deviceId: v7() }),
    listDevices: async () => {
      for (const subject of [undefined, null, "u"]) await store.listDevices({ limit: 1, cursor: undefined, subject });
    },
    findDevice: () => store.findDevice({ deviceId: v7() }),
    readUsage: () => store.readUsage(),
    setLimits: () => store.setLimits({ by: AN_ACTOR, limits: { devices: 1 } }),
    knows: () => store.knows({ kind: "device", key: "k" }),
    createApiKey: () =>
      store.createApiKey({
        by: AN_ACTOR,
        keyId: v7(),
        name: "k",
        keyHash: "h",
        scopes: [],
        subject: null,
        groups: [],
        createdBy: "o",
        expiresInMs: null,
      }),
    listApiKeys: () => store.listApiKeys({ limit: 1, cursor: undefined }),
    rotateApiKey: () => store.rotateApiKey({ by: AN_ACTOR, keyId: v7(), keyHash: "h", overlapMs: 0 }),
    revokeApiKey: () => store.revokeApiKey({ by: AN_ACTOR, keyId: v7() }),
    revokeTokens: () => store.revokeTokens({ by: AN_ACTOR, whose: { kind: "tokens" } }),
    listAudit: () => store.listAudit({ limit: 1, cursor: undefined }),
    findAgent: async () => {
      for (const idOrName of ["a", v7()]) await store.findAgent({ idOrName });
    },
    listAgents: () => store.listAgents({ limit: 1, cursor: undefined }),
    listVersions: () => store.listVersions({ idOrName: "a", limit: 1, cursor: undefined }),
    findVersion: () => store.findVersion({ idOrName: "a", versionId: v7() }),
    promoteVersion: () => store.promoteVersion({ by: AN_ACTOR, idOrName: "a", versionId: v7() }),
  };
  for (const call of Object.values(calls)) {
    const before = seen.length;
    // No database returns nothing here, so some methods throw after their query.
    await call().catch(() => {});
    expect(seen.length).toBeGreaterThan(before);
  }
  const withoutTenant = seen.filter(({ text, values, scope }) => {
    const parameter = `\\$${values.indexOf(tenantId) + 1}::uuid`;
    const isNamed = new RegExp(`tenant_id = ${parameter}|values \\([^)]*${parameter}`).test(text);
    return scope.kind !== "tenant" || scope.tenantId !== tenantId || !isNamed;
  });
  expect(withoutTenant.map(({ name }) => name)).toEqual([]);
  const others = Object.keys(store).filter((method) => !(method in calls));
  expect(others).toEqual([]);
});
