import { v7 } from "uuid";
import { describe, expect, test } from "vitest";
import type { Store } from "../../../src/ports/store.ts";
import { type AskedIds, askEverything } from "./ask-everything.ts";
import { storeFile } from "./files.ts";
import { claimAll, connect, openScene, parkWithCall, start, startParams } from "./scene.ts";
import { AN_ACTOR } from "../../support/an-actor.ts";

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
    const own: AskedIds = {
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
    const nobody: AskedIds = {
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
    const ask = (ids: AskedIds): Promise<object> => askEverything(stranger, ids);
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
