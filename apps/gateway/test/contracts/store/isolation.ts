import { START } from "@hsafa/protocol";
import { v7 } from "uuid";
import { describe, expect, test } from "vitest";
import type { Store } from "../../../src/ports/store.ts";
import type { TenantStore } from "../../../src/ports/tenant-store.ts";
import { storeFile } from "./files.ts";
import { claimAll, connect, openScene, parkWithCall, resultOf, start, startParams } from "./scene.ts";
import { AN_ACTOR } from "../../support/an-actor.ts";

type Method = keyof TenantStore;

const KEY = {
  name: "key",
  scopes: ["runs:read" as const],
  subject: null,
  groups: ["ops"],
  createdBy: "operator",
  expiresInMs: null,
};

export function isolationOfStore(store: () => Store): void {
  /** The outcome of each method for one tenant: with ids of another tenant, and with ids that nothing has. */
  async function foreignAnswers() {
    const owner = await openScene(store());
    const stranger = (await openScene(store())).tenant;
    const { runId, call } = await parkWithCall(owner);
    const threadRun = await start(owner, {
      threadId: "secret",
      idempotency: { key: "theirs", owner: "key", orUnowned: true, bodyHash: "a" },
    });
    const thread = await owner.tenant.findThread({ idOrKey: "secret", subject: null });
    await owner.tenant.putSecret({ by: AN_ACTOR, secretId: v7(), name: "theirs", sealed: "sealed", setBy: "a key" });
    const device = await connect(owner, { deviceKey: "k" });
    await owner.tenant.markSent({ callId: call.callId, attempt: 1, sessionId: device.sessionId });
    await connect(owner, { pairing: { code: "BCDF-GHJK", expiresInMs: 60_000 } });
    const fileId = await storeFile(owner);
    const { agentId, versionId } = owner;
    const key = await owner.tenant.createApiKey({ by: AN_ACTOR, keyId: v7(), keyHash: v7(), ...KEY });
    const own = {
      agentId,
      versionId,
      runId,
      secret: "theirs",
      fileId,
      callId: call.callId,
      threadId: thread?.id ?? "",
      deviceId: device.deviceId,
      sessionId: device.sessionId,
      keyId: key?.id ?? "",
      pairingCode: "BCDF-GHJK",
      idempotencyKey: "theirs",
    };
    const nobody: typeof own = {
      agentId: v7(),
      versionId: v7(),
      runId: v7(),
      secret: "nobody's",
      fileId: v7(),
      callId: v7(),
      threadId: v7(),
      deviceId: v7(),
      sessionId: v7(),
      keyId: v7(),
      pairingCode: "ZZZZ-ZZZZ",
      idempotencyKey: "nobody's",
    };
    const page = { limit: 10, cursor: undefined };
    const message = { kind: "message" as const, message: { role: "user" as const, content: "x" } };
    const all = { ...page, toolName: undefined, status: undefined, subject: undefined };

    const ask = async (
      ids: typeof own,
    ): Promise<
      Record<
        Exclude<
          Method,
          "beginFile" | "createThread" | "pushAgent" | "putSecret" | "registerDevices" | "createApiKey" | "revokeTokens"
        >,
        unknown
      >
    > => ({
      listAudit: (await stranger.listAudit(page)).data.filter(({ targets }) => targets.agentId === ids.agentId),
      listAgents: (await stranger.listAgents(page)).data.filter((agent) => agent.id === ids.agentId),
      findAgent: await stranger.findAgent({ idOrName: ids.agentId }),
      listVersions: await stranger.listVersions({ idOrName: ids.agentId, ...page }),
      findVersion: [
        await stranger.findVersion({ idOrName: ids.agentId, versionId: ids.versionId }),
        await stranger.findVersion({ idOrName: "worker", versionId: ids.versionId }),
      ],
      promoteVersion: [
        await stranger.promoteVersion({ by: AN_ACTOR, idOrName: ids.agentId, versionId: ids.versionId }),
        await stranger.promoteVersion({ by: AN_ACTOR, idOrName: "worker", versionId: ids.versionId }),
      ],
      startRun: [
        await stranger.startRun(startParams({ agent: ids.agentId })),
        await stranger.startRun(startParams({ versionId: ids.versionId })),
        await stranger.startRun(startParams({ threadId: ids.threadId })),
        await stranger.startRun(
          startParams({ fork: { from: { runId: ids.runId, position: "1-0" }, turns: [], threadId: v7() } }),
        ),
      ],
      findRun: await stranger.findRun({ runId: ids.runId }),
      findRunBounds: await stranger.findRunBounds({ runId: ids.runId }),
      findStart: await stranger.findStart({ key: ids.idempotencyKey, owner: "key", orUnowned: true }),
      findStarter: await stranger.findStarter({ runId: ids.runId }),
      listRuns: [
        await stranger.listRuns({
          ...page,
          status: undefined,
          agent: ids.agentId,
          threadId: undefined,
          subject: undefined,
        }),
        await stranger.listRuns({
          ...page,
          status: undefined,
          agent: undefined,
          threadId: ids.threadId,
          subject: undefined,
        }),
        await stranger.listRuns({
          ...page,
          status: undefined,
          agent: undefined,
          threadId: undefined,
          subject: undefined,
        }),
        ...(await Promise.all(
          [{ versionId: ids.versionId }, { device: ids.deviceId }, { metadataText: "{" }].map((filter) =>
            stranger.listRuns({
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
      readTail: await stranger.readTail({ runId: ids.runId }),
      readEvents: [
        await stranger.readEvents({ runId: ids.runId, after: START, limit: 10, factsOnly: false }),
        await stranger.readEvents({ runId: ids.runId, after: START, limit: 10, factsOnly: true }),
      ],
      readEventsBefore: [
        await stranger.readEventsBefore({ runId: ids.runId, before: null, limit: 10, factsOnly: false }),
        await stranger.readEventsBefore({ runId: ids.runId, before: null, limit: 10, factsOnly: true }),
      ],
      enqueueInput: await stranger.enqueueInput({ by: AN_ACTOR, runId: ids.runId, input: message, dedupe: null }),
      submitToolResult: [
        await stranger.submitToolResult(resultOf(ids.callId, "a", { kind: "http", runId: ids.runId })),
        await stranger.submitToolResult(resultOf(ids.callId, "a", { kind: "device", deviceId: ids.deviceId })),
      ],
      findCall: await stranger.findCall({ callId: ids.callId }),
      listCallsOfRun: await stranger.listCallsOfRun({ runId: ids.runId, ...page }),
      listCalls: await stranger.listCalls({ ...all, deviceId: ids.deviceId }),
      findThread: await stranger.findThread({ idOrKey: ids.threadId, subject: null }),
      branchThread: await stranger.branchThread({
        threadId: v7(),
        runId: ids.runId,
        key: null,
        subject: null,
        title: null,
        metadata: {},
      }),
      renameThread: await stranger.renameThread({ threadId: ids.threadId, title: "mine" }),
      deleteThread: await stranger.deleteThread({ by: AN_ACTOR, threadId: ids.threadId }),
      listThreads: await stranger.listThreads({ ...page, subject: undefined }),
      listInheritedRuns: await stranger.listInheritedRuns({ threadId: ids.threadId, limit: 1 }),
      listThreadRuns: await stranger.listThreadRuns({ threadId: ids.threadId, ...page }),
      readSecret: await stranger.readSecret({ name: ids.secret }),
      listSecrets: (await stranger.listSecrets(page)).data.filter((secret) => secret.name === ids.secret),
      deleteSecret: await stranger.deleteSecret({ by: AN_ACTOR, name: ids.secret }),
      completeFile: await stranger.completeFile({ fileId: ids.fileId, mediaType: "a/b", size: 1, sha256: "0" }),
      abandonFile: await stranger.abandonFile({ fileId: ids.fileId }),
      findFiles: await stranger.findFiles({ fileIds: [ids.fileId] }),
      listRunsOfFile: await stranger.listRunsOfFile({ fileId: ids.fileId }),
      listBranchesOfFile: await stranger.listBranchesOfFile({ fileId: ids.fileId }),
      listFiles: await stranger.listFiles({ ...page, subject: undefined }),
      useFiles: await stranger.useFiles({ runId: v7(), fileIds: [ids.fileId] }),
      deleteFile: await stranger.deleteFile({ by: AN_ACTOR, fileId: ids.fileId }),
      confirmDeviceSessions: await stranger.confirmDeviceSessions({ sessionIds: [ids.sessionId] }),
      readSessionStanding: await stranger.readSessionStanding({ sessionId: ids.sessionId, deviceId: ids.deviceId }),
      drainDeviceSession: await stranger.drainDeviceSession({ sessionId: ids.sessionId }),
      endDeviceSession: await stranger.endDeviceSession({ sessionId: ids.sessionId, reason: "stranger" }),
      markSent: await stranger.markSent({ callId: ids.callId, attempt: 1, sessionId: ids.sessionId }),
      markAccepted: await stranger.markAccepted({ callId: ids.callId, deviceId: ids.deviceId }),
      pairDevice: await stranger.pairDevice({ by: AN_ACTOR, code: ids.pairingCode, subject: undefined }),
      countPendingPairings: await stranger.countPendingPairings({ deviceKey: "any", ownerId: "key" }),
      listDevices: await stranger.listDevices({ ...page, subject: undefined }),
      findDevice: await stranger.findDevice({ deviceId: ids.deviceId }),
      deleteDevice: await stranger.deleteDevice({ by: AN_ACTOR, deviceId: ids.deviceId }),
      readUsage: (await stranger.readUsage()).used.activeRuns,
      setLimits: await stranger.setLimits({ by: AN_ACTOR, limits: { devices: 1 } }),
      knows: [
        await stranger.knows({ kind: "thread", key: "secret", subject: null }),
        await stranger.knows({ kind: "device", key: "k" }),
      ],
      listApiKeys: (await stranger.listApiKeys(page)).data.filter(({ id }) => id === ids.keyId),
      rotateApiKey: await stranger.rotateApiKey({ by: AN_ACTOR, keyId: ids.keyId, keyHash: v7(), overlapMs: 0 }),
      revokeApiKey: await stranger.revokeApiKey({ by: AN_ACTOR, keyId: ids.keyId }),
    });
    return { owner, stranger, own, threadRun, foreign: await ask(own), missing: await ask(nobody) };
  }

  describe("tenants", () => {
    test("a foreign id looks exactly like a missing one, by every method, and asking changes nothing (R10)", async () => {
      const { owner, own, foreign, missing } = await foreignAnswers();
      expect(foreign).toEqual(missing);
      expect(await owner.tenant.findDevice({ deviceId: own.deviceId })).toMatchObject({ online: true });
      expect(await owner.tenant.readSecret({ name: own.secret })).toMatchObject({ sealed: "sealed" });
      expect((await owner.tenant.readUsage()).limits).toEqual({});
      expect(await owner.tenant.findFiles({ fileIds: [own.fileId] })).toHaveLength(1);
      expect(await owner.tenant.findThread({ idOrKey: own.threadId, subject: null })).toMatchObject({ title: null });
      expect(await owner.tenant.findCall({ callId: own.callId })).toMatchObject({
        status: "dispatched",
        acceptedAt: null,
      });
      const due = (await claimAll(store())).map((run) => run.runId);
      expect(due).not.toContain(own.runId);
    });

    test("names of one tenant mean nothing in another: the same agent, thread, device and idempotency key are its own", async () => {
      const { owner, stranger, own } = await foreignAnswers();
      expect(await stranger.findThread({ idOrKey: "secret", subject: null })).toBeNull();
      const { thread, created } = await stranger.createThread({
        threadId: v7(),
        key: "secret",
        subject: null,
        metadata: {},
      });
      expect(created).toBe(true);
      expect(thread.id).not.toBe(own.threadId);
      const put = await stranger.putSecret({
        by: AN_ACTOR,
        secretId: v7(),
        name: own.secret,
        sealed: "other",
        setBy: "a key",
      });
      expect(put).toMatchObject({ kind: "put", created: true });
      expect(await owner.tenant.readSecret({ name: own.secret })).toMatchObject({ sealed: "sealed" });
      const [registered] = await stranger.registerDevices([
        {
          by: AN_ACTOR,
          sessionId: v7(),
          gatewayId: "gateway-a",
          deviceKey: "k",
          displayName: null,
          platform: null,
          labels: {},
          tools: [{ name: "open", description: "", inputSchema: {} }],
          bootId: "boot 1",
          maxInFlight: 1,
          owner: "key",
          ownerId: "key:1",
          subject: null,
          onlyRunId: null,
          onlyThreadId: null,
          mayTakeOver: false,
          isPooled: true,
        },
      ]);
      if (registered?.kind !== "registered") throw new Error("a device of another tenant is no device of this one");
      expect(registered.deviceId).not.toBe(own.deviceId);
      // The owner's calls are not shown to it, although key and tool fit.
      const [session] = await store().fleet.readOpenCalls({ sessionIds: [registered.sessionId] });
      expect(session).toMatchObject({ current: true, calls: [] });
      expect(await stranger.markSent({ callId: own.callId, attempt: 1, sessionId: registered.sessionId })).toBe(false);
      const idempotency = { key: "one", owner: "key", orUnowned: true, bodyHash: "a" };
      const mine = await owner.tenant.startRun(startParams({ idempotency }));
      const theirs = await stranger.startRun(startParams({ idempotency: { ...idempotency, bodyHash: "b" } }));
      expect([mine, theirs]).toMatchObject([
        { kind: "started", created: true },
        { kind: "started", created: true },
      ]);
    });

    test("the fleet's loads name the tenant too (R10)", async () => {
      const owner = await openScene(store());
      const other = await openScene(store());
      const { runId } = await start(owner);
      const wanted = { tenantId: other.tenantId, runIds: [runId], bytesMax: 1000 };
      expect(await store().fleet.loadHistory(wanted)).toEqual([{ runId, facts: [] }]);
      expect(await store().fleet.readFacts({ tenantId: other.tenantId, runId, afterSeq: 0 })).toEqual([]);
      expect(await store().fleet.loadRun({ tenantId: other.tenantId, runId, epoch: 0 })).toBeNull();
      expect(await store().fleet.loadRun({ tenantId: owner.tenantId, runId, epoch: 0 })).not.toBeNull();
    });
  });
}
