import { v7 } from "uuid";
import { describe, expect, test } from "vitest";
import {
  OPEN_CALLS_PER_SESSION_MAX,
  SENT_CALLS_PER_SESSION_MAX,
  SESSIONS_PER_DEVICE_SHOWN,
} from "../../../src/ports/limits.ts";
import type { Store } from "../../../src/ports/store.ts";
import {
  callOf,
  claim,
  commitOf,
  connect,
  NASTY,
  openScene,
  parkWithCall,
  resultOf,
  type Scene,
  start,
  TS,
} from "./scene.ts";
import { AN_ACTOR } from "../../support/an-actor.ts";

export function devicesOfStore(store: () => Store): void {
  const openCalls = async (sessionId: string) => {
    const [session] = await store().fleet.readOpenCalls({ sessionIds: [sessionId] });
    if (session === undefined) throw new Error("every session asked for is answered");
    return session;
  };
  const callIds = async (sessionId: string) => (await openCalls(sessionId)).calls.map((call) => call.callId);
  const dispatch = async (scene: Scene, calls: readonly ReturnType<typeof callOf>[]) => {
    const { runId } = await start(scene);
    const held = await claim(scene, runId);
    await store().fleet.commit(commitOf(held, ["run.started"], { calls }));
    return held;
  };

  describe("devices", () => {
    test("a second connection with the same key replaces the first, and of many at once one is left", async () => {
      const scene = await openScene(store());
      const deviceKey = "tab-1";
      const first = await connect(scene, { deviceKey });
      const second = await connect(scene, { deviceKey, platform: "browser", labels: { room: NASTY } });
      expect(second.deviceId).toBe(first.deviceId);
      expect((await openCalls(first.sessionId)).current).toBe(false);
      expect((await openCalls(second.sessionId)).current).toBe(true);
      const many = await Promise.all(Array.from({ length: 6 }, () => connect(scene, { deviceKey: "tab-2" })));
      expect(new Set(many.map((device) => device.deviceId)).size).toBe(1);
      const asked = await store().fleet.readOpenCalls({ sessionIds: many.map((device) => device.sessionId) });
      expect(asked.map((session) => session.sessionId)).toEqual(many.map((device) => device.sessionId));
      expect(asked.filter((session) => session.current)).toHaveLength(1);
    });

    test("who could take a call is weighed by what it has in hand, by its room, and by when it last had one", async () => {
      const scene = await openScene(store());
      const anybody = { kind: "any", labels: {}, platform: null } as const;
      const [busy, idle, fresh] = [await connect(scene), await connect(scene), await connect(scene)];
      const full = await connect(scene, { maxInFlight: 1 });
      const draining = await connect(scene);
      await connect(scene, { isPooled: false });
      await connect(scene, { tools: [] });
      const given = [callOf({ recipient: anybody }), callOf({ recipient: anybody }), callOf({ recipient: anybody })];
      const [done, open] = [callOf({ recipient: anybody }), callOf({ recipient: anybody })];
      const [waiting, named] = [callOf({ recipient: anybody }), callOf({ recipient: { kind: "key", deviceKey: "k" } })];
      await dispatch(scene, [...given, done, waiting, open, named]);
      const send = async (call: ReturnType<typeof callOf>, { sessionId }: { sessionId: string }) =>
        expect(await scene.tenant.markSent({ callId: call.callId, attempt: 1, sessionId })).toBe(true);
      for (const [index, call] of given.entries()) await send(call, index === 2 ? full : busy);
      await send(done, idle);
      await scene.tenant.submitToolResult(resultOf(done.callId, "a", { kind: "device", deviceId: idle.deviceId }));
      await scene.tenant.drainDeviceSession({ sessionId: draining.sessionId });
      const weighed = await store().fleet.readCandidates({
        callIds: [waiting.callId, named.callId, done.callId, v7()],
      });
      expect(new Set(weighed.map(({ callId }) => callId))).toEqual(new Set([waiting.callId]));
      expect(weighed.map(({ deviceId, inHand, maxInFlight }) => [deviceId, inHand, maxInFlight]).slice(2)).toEqual([
        [busy.deviceId, 2, 4],
      ]);
      expect(new Set(weighed.slice(0, 2).map(({ deviceId }) => deviceId))).toEqual(
        new Set([idle.deviceId, fresh.deviceId]),
      );
      expect(weighed.find(({ deviceId }) => deviceId === fresh.deviceId)?.lastSentAt).toBeNull();
    });

    test("a device outside of the pool is listed no call for any device, and is sent none", async () => {
      const scene = await openScene(store());
      const outside = await connect(scene, { isPooled: false });
      const inside = await connect(scene);
      const call = callOf({ recipient: { kind: "any", labels: {}, platform: null } });
      await dispatch(scene, [call]);
      expect((await openCalls(outside.sessionId)).calls).toEqual([]);
      const sent = { callId: call.callId, attempt: 1 };
      expect(await scene.tenant.markSent({ ...sent, sessionId: outside.sessionId })).toBe(false);
      expect(await scene.tenant.markSent({ ...sent, sessionId: inside.sessionId })).toBe(true);
    });

    test("a connection that registered has taken over only once it was confirmed, and only while it is open", async () => {
      const scene = await openScene(store());
      const { tenant } = scene;
      const first = await connect(scene, { deviceKey: "tab" });
      const standing = ({ sessionId, deviceId }: typeof first) => tenant.readSessionStanding({ sessionId, deviceId });
      await tenant.confirmDeviceSessions({ sessionIds: [first.sessionId] });
      expect(await standing(first)).toBe("open");
      const second = await connect(scene, { deviceKey: "tab" });
      expect(await Promise.all([first, second].map(standing))).toEqual(["contested", "open"]);
      await tenant.confirmDeviceSessions({ sessionIds: [first.sessionId] });
      expect(await standing(first)).toBe("contested");
      await tenant.confirmDeviceSessions({ sessionIds: [second.sessionId] });
      await tenant.confirmDeviceSessions({ sessionIds: [second.sessionId] });
      expect(await Promise.all([first, second].map(standing))).toEqual(["taken_over", "open"]);
      await tenant.endDeviceSession({ sessionId: second.sessionId, reason: "closed" });
      expect(await Promise.all([first, second].map(standing))).toEqual(["ended", "ended"]);
    });

    test("a session that ended otherwise was not replaced, whoever connected since; of a deleted device none is left", async () => {
      const scene = await openScene(store());
      const { tenant } = scene;
      const lost = await connect(scene, { deviceKey: "tab" });
      const { deviceId } = lost;
      await tenant.endDeviceSession({ sessionId: lost.sessionId, reason: "gateway_lost" });
      const next = await connect(scene, { deviceKey: "tab" });
      await tenant.confirmDeviceSessions({ sessionIds: [next.sessionId] });
      expect(await tenant.readSessionStanding(lost)).toBe("ended");
      expect(await tenant.readSessionStanding({ sessionId: v7(), deviceId })).toBe("ended");
      await tenant.deleteDevice({ by: AN_ACTOR, deviceId });
      expect(await tenant.readSessionStanding(next)).toBe("device_deleted");
      await tenant.confirmDeviceSessions({ sessionIds: [next.sessionId] });
    });

    test("a device that was never deleted and is not there was lost, as in a restore: its connection may come back", async () => {
      const { tenant } = await openScene(store());
      expect(await tenant.readSessionStanding({ sessionId: v7(), deviceId: v7() })).toBe("ended");
    });

    test("a session has the id that the caller chose, so that it can be ended by a caller that lost the outcome", async () => {
      const scene = await openScene(store());
      const sessionId = v7();
      await scene.tenant.endDeviceSession({ sessionId, reason: "never opened" });
      const opened = await connect(scene, { sessionId });
      expect(opened.sessionId).toBe(sessionId);
      expect((await openCalls(sessionId)).current).toBe(true);
      await scene.tenant.endDeviceSession({ sessionId, reason: "unconfirmed" });
      expect((await openCalls(sessionId)).current).toBe(false);
    });

    test("a device is shown with what it registered, its sessions newest first, and whether it is online", async () => {
      const scene = await openScene(store());
      const gatewayId = `gateway ${v7()}`;
      const tools = [{ name: "open", description: NASTY, inputSchema: { type: "object", description: NASTY } }];
      const labels = { room: "kitchen", [NASTY]: NASTY };
      const { deviceId, sessionId } = await connect(scene, {
        gatewayId,
        deviceKey: "k",
        displayName: "K",
        platform: "linux",
        labels,
        tools,
      });
      const find = () => scene.tenant.findDevice({ deviceId });
      expect(await find()).toMatchObject({
        id: deviceId,
        key: "k",
        displayName: "K",
        platform: "linux",
        labels,
        tools,
        online: true,
        sessions: [{ id: sessionId, gatewayId, bootId: "boot 1", disconnectedAt: null, reason: null }],
      });
      await store().fleet.recordHeartbeat({ gatewayId, stopping: true });
      expect((await find())?.online).toBe(false);
      await store().fleet.recordHeartbeat({ gatewayId, stopping: false });
      expect((await find())?.online).toBe(true);
      await scene.tenant.endDeviceSession({ sessionId, reason: "heartbeat missed" });
      await scene.tenant.endDeviceSession({ sessionId, reason: "again" });
      const ended = await find();
      expect(ended).toMatchObject({ online: false, sessions: [{ reason: "heartbeat missed" }] });
      expect(ended?.sessions[0]?.disconnectedAt).not.toBeNull();
      const again = await connect(scene, { gatewayId, deviceKey: "k" });
      expect((await find())?.sessions.map((session) => session.id)).toEqual([again.sessionId, sessionId]);
      const listed = await scene.tenant.listDevices({ limit: 5, cursor: undefined, subject: undefined });
      expect(listed.data).toMatchObject([{ id: deviceId, online: true, displayName: null, labels: {} }]);
      for (let n = 0; n < SESSIONS_PER_DEVICE_SHOWN; n++) await connect(scene, { deviceKey: "k" });
      expect((await find())?.sessions).toHaveLength(SESSIONS_PER_DEVICE_SHOWN);
    });

    test("sessions of a gateway without heartbeats are ended by the sweep, and its devices are offline before that", async () => {
      const scene = await openScene(store());
      const gatewayId = `gateway ${v7()}`;
      const { deviceId, sessionId } = await connect(scene, { gatewayId });
      const other = await connect(scene);
      const before = await store().fleet.countLiveGateways({ withinMs: 60_000 });
      expect(before).toBeGreaterThanOrEqual(2);
      expect(await store().fleet.countLiveGateways({ withinMs: 0 })).toBe(0);
      await store().fleet.sweep({ gatewayTimeoutMs: 60_000 });
      expect((await openCalls(sessionId)).current).toBe(true);
      // With a timeout of nothing every heartbeat is too old. The other gateway's devices come back, this one's do not.
      await store().fleet.sweep({ gatewayTimeoutMs: 0 });
      expect((await openCalls(sessionId)).current).toBe(false);
      expect((await openCalls(other.sessionId)).current).toBe(false);
      expect(await scene.tenant.findDevice({ deviceId })).toMatchObject({
        online: false,
        sessions: [{ reason: "gateway_lost" }],
      });
    });

    test("a deleted device is gone with its session, and comes back as a new one", async () => {
      const scene = await openScene(store());
      const { deviceId, sessionId } = await connect(scene, { deviceKey: "k" });
      expect(await scene.tenant.deleteDevice({ by: AN_ACTOR, deviceId })).toBe(true);
      expect(await scene.tenant.deleteDevice({ by: AN_ACTOR, deviceId })).toBe(false);
      expect(await scene.tenant.findDevice({ deviceId })).toBeNull();
      expect((await openCalls(sessionId)).current).toBe(false);
      expect((await connect(scene, { deviceKey: "k" })).deviceId).not.toBe(deviceId);
    });
  });

  describe("dispatch", () => {
    test("a call to a key is shown to that device alone, whatever it offers; a call to any only to those that fit", async () => {
      const scene = await openScene(store());
      const labels = { room: "kitchen", floor: "1" };
      const fits = await connect(scene, { deviceKey: "fits", labels, platform: "linux" });
      const wrongLabel = await connect(scene, { labels: { room: "hall", floor: "1" }, platform: "linux" });
      const wrongPlatform = await connect(scene, { labels, platform: "browser" });
      const wrongTool = await connect(scene, { labels, platform: "linux", tools: [] });
      const named = await connect(scene, { deviceKey: "named", tools: [] });
      const anyCall = callOf({ recipient: { kind: "any", labels: { room: "kitchen" }, platform: "linux" } });
      const keyCall = callOf({ recipient: { kind: "key", deviceKey: "named" } });
      const foreign = callOf({ status: "requested", attempt: 0 });
      const external = callOf({ target: "external", recipient: null });
      await dispatch(scene, [anyCall, keyCall, foreign, external]);
      expect((await openCalls(fits.sessionId)).calls).toEqual([
        {
          callId: anyCall.callId,
          runId: expect.any(String) as unknown,
          parentRunId: null,
          toolName: "open",
          args: { door: 1 },
          attempt: 1,
          deadline: anyCall.deadline,
          repeatable: false,
          isForAny: true,
          sentTo: null,
        },
      ]);
      expect(await callIds(named.sessionId)).toEqual([keyCall.callId]);
      for (const { sessionId } of [wrongLabel, wrongPlatform, wrongTool]) {
        expect(await callIds(sessionId)).toEqual([]);
        expect(await scene.tenant.markSent({ callId: anyCall.callId, attempt: 1, sessionId })).toBe(false);
      }
      expect(await scene.tenant.markSent({ callId: keyCall.callId, attempt: 1, sessionId: fits.sessionId })).toBe(
        false,
      );
      expect(await callIds(v7())).toEqual([]);
    });

    test("of two devices that could take a call one gets it; to the same boot it may be sent again", async () => {
      const scene = await openScene(store());
      const devices = await Promise.all(Array.from({ length: 4 }, () => connect(scene)));
      const { call } = await parkWithCall(scene);
      const { callId } = call;
      const marked = await Promise.all(
        devices.map(({ sessionId }) => scene.tenant.markSent({ callId, attempt: 1, sessionId })),
      );
      expect(marked.filter(Boolean)).toHaveLength(1);
      const winner = devices[marked.indexOf(true)];
      if (winner === undefined) throw new Error("one has it");
      expect(await scene.tenant.markSent({ callId, attempt: 1, sessionId: winner.sessionId })).toBe(true);
      for (const device of devices) {
        const expected =
          device === winner ? { deviceId: winner.deviceId, bootId: "boot 1", connected: true } : undefined;
        expect((await openCalls(device.sessionId)).calls.map((open) => open.sentTo)).toEqual(
          expected ? [expected] : [],
        );
      }
    });

    test("a call is not sent at another attempt, once it is answered, or to a connection that was replaced", async () => {
      const scene = await openScene(store());
      const old = await connect(scene, { deviceKey: "k" });
      const now = await connect(scene, { deviceKey: "k" });
      const { call, runId } = await parkWithCall(scene);
      const { callId } = call;
      const mark = (attempt: number, sessionId: string) => scene.tenant.markSent({ callId, attempt, sessionId });
      expect(await mark(2, now.sessionId)).toBe(false);
      expect(await mark(1, old.sessionId)).toBe(false);
      expect(await mark(1, v7())).toBe(false);
      expect(await mark(1, now.sessionId)).toBe(true);
      await scene.tenant.submitToolResult(resultOf(callId, "a", { kind: "http", runId }));
      expect(await mark(1, now.sessionId)).toBe(false);
      expect(await callIds(now.sessionId)).toEqual([]);
    });

    test("a call whose deadline has passed is sent to nobody: its run may say that it was not executed", async () => {
      const scene = await openScene(store());
      const device = await connect(scene);
      const { call } = await parkWithCall(scene, callOf({ deadline: Date.now() - 1 }));
      const endless = await parkWithCall(scene, callOf({ deadline: null }));
      const mark = ({ callId }: { readonly callId: string }) =>
        scene.tenant.markSent({ callId, attempt: 1, sessionId: device.sessionId });
      expect(await mark(call)).toBe(false);
      expect(await mark(endless.call)).toBe(true);
    });

    test("a device that comes back with another boot sees what its old memory had, and may not simply be sent it again", async () => {
      const scene = await openScene(store());
      const before = await connect(scene, { deviceKey: "k" });
      const { call } = await parkWithCall(scene);
      const { callId } = call;
      await scene.tenant.markSent({ callId, attempt: 1, sessionId: before.sessionId });
      const after = await connect(scene, { deviceKey: "k", bootId: "boot 2" });
      const sentTo = { deviceId: before.deviceId, bootId: "boot 1", connected: false };
      expect((await openCalls(after.sessionId)).calls).toMatchObject([{ callId, sentTo }]);
      expect(await scene.tenant.markSent({ callId, attempt: 1, sessionId: after.sessionId })).toBe(false);
    });

    test("a call in the hand of a device that is gone is shown to others only if it is repeatable; a new attempt is free for all", async () => {
      const scene = await openScene(store());
      const gone = await connect(scene);
      const other = await connect(scene);
      const repeatable = callOf({ repeatable: true });
      const once = callOf();
      const held = await dispatch(scene, [repeatable, once]);
      const { tenant } = scene;
      for (const { callId } of [repeatable, once])
        await tenant.markSent({ callId, attempt: 1, sessionId: gone.sessionId });
      expect(await callIds(other.sessionId)).toEqual([]);
      await tenant.endDeviceSession({ sessionId: gone.sessionId, reason: "closed" });
      expect((await openCalls(other.sessionId)).calls).toMatchObject([
        { callId: repeatable.callId, sentTo: { deviceId: gone.deviceId, connected: false } },
      ]);
      expect(await tenant.markSent({ callId: repeatable.callId, attempt: 1, sessionId: other.sessionId })).toBe(false);
      // A commit keeps what the row says of sending. A new attempt clears it.
      await store().fleet.commit(
        commitOf(held, ["tool.approved"], { afterSeq: 3, calls: [{ ...once, deadline: null }] }),
      );
      expect(await callIds(other.sessionId)).toEqual([repeatable.callId]);
      await store().fleet.commit(
        commitOf(held, ["tool.dispatched"], { afterSeq: 4, calls: [{ ...repeatable, attempt: 2 }] }),
      );
      expect((await openCalls(other.sessionId)).calls).toMatchObject([{ attempt: 2, sentTo: null }]);
      expect(await tenant.markSent({ callId: repeatable.callId, attempt: 2, sessionId: other.sessionId })).toBe(true);
    });

    test("a device that fell behind is shown the oldest calls first, a bounded number", async () => {
      const scene = await openScene(store());
      const { sessionId } = await connect(scene, { deviceKey: "k" });
      const calls = Array.from({ length: OPEN_CALLS_PER_SESSION_MAX + 3 }, (_, index) =>
        callOf(index % 2 === 0 ? {} : { recipient: { kind: "key", deviceKey: "k" } }),
      );
      await dispatch(scene, calls);
      const expected = calls.slice(0, OPEN_CALLS_PER_SESSION_MAX).map((call) => call.callId);
      expect(await callIds(sessionId)).toEqual(expected);
    });

    test("what a device has in hand is shown to it first and to the last, however many older calls are open", async () => {
      const scene = await openScene(store());
      const { sessionId } = await connect(scene, { deviceKey: "k" });
      const waiting = Array.from({ length: OPEN_CALLS_PER_SESSION_MAX + 3 }, () => callOf());
      const toAny = [callOf(), callOf()];
      const toKey = callOf({ recipient: { kind: "key", deviceKey: "k" } });
      const elsewhere = callOf();
      const held = await dispatch(scene, [...waiting, ...toAny, toKey, elsewhere]);
      for (const { callId } of [...toAny, toKey]) await scene.tenant.markSent({ callId, attempt: 1, sessionId });
      const other = await connect(scene);
      await scene.tenant.markSent({ callId: elsewhere.callId, attempt: 1, sessionId: other.sessionId });
      const oldest = waiting.slice(0, OPEN_CALLS_PER_SESSION_MAX).map((call) => call.callId);
      const idsOf = (calls: readonly { readonly callId: string }[]) => calls.map((call) => call.callId);
      expect(await callIds(sessionId)).toEqual([...idsOf([...toAny, toKey]), ...oldest]);
      // A call that is missing there is settled, or was sent to another device.
      const [answered, expired] = toAny;
      if (answered === undefined || expired === undefined) throw new Error("there are two");
      await scene.tenant.submitToolResult(resultOf(answered.callId, "a", { kind: "http", runId: held.runId }));
      await store().fleet.commit(
        commitOf(held, ["tool.expired"], { afterSeq: 3, calls: [{ ...expired, status: "expired", settledAt: TS }] }),
      );
      expect(await callIds(sessionId)).toEqual([...idsOf([toKey]), ...oldest]);
    });

    test("what a device had in hand before it lost its memory leaves nothing out of what it has in hand now", async () => {
      const scene = await openScene(store());
      const before = await connect(scene, { deviceKey: "k" });
      const lost = Array.from({ length: SENT_CALLS_PER_SESSION_MAX + 1 }, () => callOf());
      const inHand = [callOf(), callOf()];
      const free = callOf();
      await dispatch(scene, [...lost, ...inHand, free]);
      for (const { callId } of lost) await scene.tenant.markSent({ callId, attempt: 1, sessionId: before.sessionId });
      const { sessionId } = await connect(scene, { deviceKey: "k", bootId: "boot 2" });
      for (const { callId } of inHand) await scene.tenant.markSent({ callId, attempt: 1, sessionId });
      const shownOfLost = lost.slice(0, SENT_CALLS_PER_SESSION_MAX - inHand.length);
      expect(await callIds(sessionId)).toEqual([...inHand, ...shownOfLost, free].map((call) => call.callId));
    });
  });
}
