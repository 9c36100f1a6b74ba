import { START } from "@hsafa/protocol";
import { v7 } from "uuid";
import { describe, expect, test } from "vitest";
import type { Store } from "../../../src/ports/store.ts";
import type { TenantStore } from "../../../src/ports/tenant-store.ts";
import { claimAll, connect, openScene, parkWithCall, resultOf, start, startParams } from "./scene.ts";

type Method = keyof TenantStore;

export function isolationOfStore(store: () => Store): void {
  /** The outcome of each method for one tenant: with ids of another tenant, and with ids that nothing has. */
  async function foreignAnswers() {
    const owner = await openScene(store());
    const stranger = (await openScene(store())).tenant;
    const { runId, call } = await parkWithCall(owner);
    const threadRun = await start(owner, { threadId: "secret" });
    const thread = await owner.tenant.findThread({ idOrKey: "secret" });
    const device = await connect(owner, { deviceKey: "k" });
    await owner.tenant.markSent({ callId: call.callId, attempt: 1, sessionId: device.sessionId });
    const { agentId, versionId } = owner;
    const own = {
      agentId,
      versionId,
      runId,
      callId: call.callId,
      threadId: thread?.id ?? "",
      deviceId: device.deviceId,
      sessionId: device.sessionId,
    };
    const nobody: typeof own = {
      agentId: v7(),
      versionId: v7(),
      runId: v7(),
      callId: v7(),
      threadId: v7(),
      deviceId: v7(),
      sessionId: v7(),
    };
    const page = { limit: 10, cursor: undefined };
    const message = { kind: "message" as const, message: { role: "user" as const, content: "x" } };
    const all = { ...page, toolName: undefined, status: undefined };

    const ask = async (
      ids: typeof own,
    ): Promise<Record<Exclude<Method, "createThread" | "pushAgent" | "registerDevice">, unknown>> => ({
      listAgents: (await stranger.listAgents(page)).data.filter((agent) => agent.id === ids.agentId),
      findAgent: await stranger.findAgent({ idOrName: ids.agentId }),
      listVersions: await stranger.listVersions({ idOrName: ids.agentId, ...page }),
      findVersion: [
        await stranger.findVersion({ idOrName: ids.agentId, versionId: ids.versionId }),
        await stranger.findVersion({ idOrName: "worker", versionId: ids.versionId }),
      ],
      promoteVersion: [
        await stranger.promoteVersion({ idOrName: ids.agentId, versionId: ids.versionId }),
        await stranger.promoteVersion({ idOrName: "worker", versionId: ids.versionId }),
      ],
      startRun: [
        await stranger.startRun(startParams({ agent: ids.agentId })),
        await stranger.startRun(startParams({ versionId: ids.versionId })),
        await stranger.startRun(startParams({ threadId: ids.threadId })),
      ],
      findRun: await stranger.findRun({ runId: ids.runId }),
      listRuns: [
        await stranger.listRuns({ ...page, status: undefined, agent: ids.agentId, threadId: undefined }),
        await stranger.listRuns({ ...page, status: undefined, agent: undefined, threadId: ids.threadId }),
        await stranger.listRuns({ ...page, status: undefined, agent: undefined, threadId: undefined }),
      ],
      readTail: await stranger.readTail({ runId: ids.runId }),
      readEvents: [
        await stranger.readEvents({ runId: ids.runId, after: START, limit: 10, factsOnly: false }),
        await stranger.readEvents({ runId: ids.runId, after: START, limit: 10, factsOnly: true }),
      ],
      enqueueInput: await stranger.enqueueInput({ runId: ids.runId, input: message, dedupe: null }),
      submitToolResult: [
        await stranger.submitToolResult(resultOf(ids.callId, "a", { kind: "http", runId: ids.runId })),
        await stranger.submitToolResult(resultOf(ids.callId, "a", { kind: "device", deviceId: ids.deviceId })),
      ],
      findCall: await stranger.findCall({ callId: ids.callId }),
      listCallsOfRun: await stranger.listCallsOfRun({ runId: ids.runId, ...page }),
      listCalls: await stranger.listCalls({ ...all, deviceId: ids.deviceId }),
      findThread: await stranger.findThread({ idOrKey: ids.threadId }),
      listThreadRuns: await stranger.listThreadRuns({ threadId: ids.threadId, ...page }),
      confirmDeviceSession: await stranger.confirmDeviceSession({ sessionId: ids.sessionId }),
      readSessionStanding: await stranger.readSessionStanding({ sessionId: ids.sessionId, deviceId: ids.deviceId }),
      endDeviceSession: await stranger.endDeviceSession({ sessionId: ids.sessionId, reason: "stranger" }),
      markSent: await stranger.markSent({ callId: ids.callId, attempt: 1, sessionId: ids.sessionId }),
      markAccepted: await stranger.markAccepted({ callId: ids.callId, deviceId: ids.deviceId }),
      listDevices: await stranger.listDevices(page),
      findDevice: await stranger.findDevice({ deviceId: ids.deviceId }),
      deleteDevice: await stranger.deleteDevice({ deviceId: ids.deviceId }),
    });
    return { owner, stranger, own, threadRun, foreign: await ask(own), missing: await ask(nobody) };
  }

  describe("tenants", () => {
    test("a foreign id looks exactly like a missing one, by every method, and asking changes nothing (R10)", async () => {
      const { owner, own, foreign, missing } = await foreignAnswers();
      expect(foreign).toEqual(missing);
      expect(await owner.tenant.findDevice({ deviceId: own.deviceId })).toMatchObject({ online: true });
      expect(await owner.tenant.findCall({ callId: own.callId })).toMatchObject({
        status: "dispatched",
        acceptedAt: null,
      });
      const due = (await claimAll(store())).map((run) => run.runId);
      expect(due).not.toContain(own.runId);
    });

    test("names of one tenant mean nothing in another: the same agent, thread, device and idempotency key are its own", async () => {
      const { owner, stranger, own } = await foreignAnswers();
      expect(await stranger.findThread({ idOrKey: "secret" })).toBeNull();
      const { thread, created } = await stranger.createThread({ threadId: v7(), key: "secret", metadata: {} });
      expect(created).toBe(true);
      expect(thread.id).not.toBe(own.threadId);
      const registered = await stranger.registerDevice({
        sessionId: v7(),
        gatewayId: "gateway-a",
        deviceKey: "k",
        displayName: null,
        platform: null,
        labels: {},
        tools: [{ name: "open", description: "", inputSchema: {} }],
        bootId: "boot 1",
        maxInFlight: 1,
      });
      expect(registered.deviceId).not.toBe(own.deviceId);
      // The owner's calls are not shown to it, although key and tool fit.
      const [session] = await store().fleet.readOpenCalls({ sessionIds: [registered.sessionId] });
      expect(session).toMatchObject({ current: true, calls: [] });
      expect(await stranger.markSent({ callId: own.callId, attempt: 1, sessionId: registered.sessionId })).toBe(false);
      const idempotency = { key: "one", bodyHash: "a" };
      const mine = await owner.tenant.startRun(startParams({ idempotency }));
      const theirs = await stranger.startRun(startParams({ idempotency: { key: "one", bodyHash: "b" } }));
      expect([mine, theirs]).toMatchObject([
        { kind: "started", created: true },
        { kind: "started", created: true },
      ]);
    });

    test("the fleet's loads name the tenant too (R10)", async () => {
      const owner = await openScene(store());
      const other = await openScene(store());
      const { runId } = await start(owner);
      expect(await store().fleet.loadFacts({ tenantId: other.tenantId, runIds: [runId] })).toEqual(new Map());
      expect(await store().fleet.loadRun({ tenantId: other.tenantId, runId, epoch: 0 })).toBeNull();
      expect(await store().fleet.loadRun({ tenantId: owner.tenantId, runId, epoch: 0 })).not.toBeNull();
    });
  });
}
