import type { ApprovalRecipient, CallApproval } from "@hsafa/protocol";
import { v7 } from "uuid";
import { describe, expect, test } from "vitest";
import type { Store } from "../../../src/ports/store.ts";
import { AN_ACTOR } from "../../support/an-actor.ts";
import { claim, commitOf, connect, NASTY, openScene, parkWithCall, type Scene, start, TS } from "./scene.ts";

export function approvalsOfStore(store: () => Store): void {
  const approvalOf = (recipient: ApprovalRecipient): CallApproval => ({
    recipient,
    digest: "0".repeat(64),
    expiresAt: new Date(TS + 1000).toISOString(),
    groups: ["finance", NASTY],
    selfApproval: false,
    decision: null,
  });

  /** A call that was approved for one device, as it was when a person was asked. */
  async function approvedFor(
    scene: Scene,
    device: Pick<Extract<ApprovalRecipient, { kind: "device" }>, "deviceKey" | "deviceId" | "owner" | "ownerId">,
  ) {
    const { deviceKey } = device;
    const approval = approvalOf({ kind: "device", ...device });
    return parkWithCall(scene, { recipient: { kind: "key", deviceKey }, approval });
  }

  /** Which of these sessions are shown the call, and which may be sent it. */
  async function takers(scene: Scene, callId: string, sessionIds: readonly string[]) {
    const shown = await store().fleet.readOpenCalls({ sessionIds });
    const listed = shown.filter(({ calls }) => calls.some((call) => call.callId === callId));
    const sent: string[] = [];
    for (const sessionId of sessionIds)
      if (await scene.tenant.markSent({ callId, attempt: 1, sessionId })) sent.push(sessionId);
    return { listed: listed.map(({ sessionId }) => sessionId), sent };
  }

  describe("approvals", () => {
    test("what was asked and decided is kept with the call, and shown", async () => {
      const scene = await openScene(store());
      const approval = approvalOf({ kind: "any_device", labels: { room: NASTY }, platform: null });
      const awaiting = { status: "awaiting_approval", attempt: 0, dispatchedAt: null, deadline: null } as const;
      const { runId, call, lastSeq } = await parkWithCall(scene, { ...awaiting, approval });
      expect((await scene.tenant.findCall(call))?.approval).toEqual(JSON.parse(JSON.stringify(approval)));
      await scene.tenant.enqueueInput({
        runId,
        input: { kind: "approval", callId: call.callId, approved: true, reason: null, by: "ann" },
        by: AN_ACTOR,
        dedupe: null,
      });
      const held = await claim(scene, runId);
      const outline = await store().fleet.loadOutline({ tenantId: scene.tenantId, runId, epoch: held.epoch });
      expect(outline?.openCalls[0]?.approval).toEqual(JSON.parse(JSON.stringify(approval)));
      const decision = { approved: true, at: new Date(TS).toISOString(), by: "ann", keyId: v7(), subject: "user-7" };
      const decided = { ...call, status: "dispatched" as const, attempt: 1, approval: { ...approval, decision } };
      await store().fleet.commit(
        commitOf(held, ["tool.approved", "tool.dispatched"], { afterSeq: lastSeq, calls: [decided] }),
      );
      expect((await scene.tenant.listCallsOfRun({ runId, limit: 5, cursor: undefined }))?.data).toMatchObject([
        { approval: { decision } },
      ]);
      const plain = await parkWithCall(scene);
      expect(await scene.tenant.findCall(plain.call)).toMatchObject({ approval: null });
    });

    test("a decision that comes after the end of the wait is refused, by the time of the store", async () => {
      const scene = await openScene(store());
      const awaiting = { status: "awaiting_approval", attempt: 0, dispatchedAt: null, deadline: null } as const;
      const { runId, call } = await parkWithCall(scene, { ...awaiting, approval: approvalOf({ kind: "external" }) });
      const input = { kind: "approval", callId: call.callId, approved: true, reason: null, by: "ann" } as const;
      const decide = (until: number) =>
        scene.tenant.enqueueInput({ runId, input, by: AN_ACTOR, until, dedupe: { key: "one", bodyHash: "hash" } });
      expect(await decide(Date.UTC(2000))).toEqual({ kind: "call_not_awaiting", callStatus: "expired" });
      expect(await decide(Date.UTC(2999))).toMatchObject({ kind: "accepted" });
      // What was accepted in time is accepted again.
      expect(await decide(Date.UTC(2000))).toMatchObject({ kind: "duplicate" });
    });

    test("who started a run is kept with it", async () => {
      const scene = await openScene(store());
      const startedBy = {
        kind: "token" as const,
        by: NASTY.replace("\u0000", ""),
        keyId: v7(),
        subject: "ann",
        likeness: "x",
      };
      const { runId } = await start(scene, { startedBy, subject: "bob" });
      const starter: unknown = JSON.parse(JSON.stringify(startedBy));
      expect(await scene.tenant.findStarter({ runId })).toEqual({ starter, subject: "bob" });
      expect(await scene.tenant.findRun({ runId })).toMatchObject({ startedBy: startedBy.by });
      expect(await scene.tenant.findStarter({ runId: v7() })).toBeNull();
    });

    test("no commit changes the arguments, the tool or the recipient of a call", async () => {
      const scene = await openScene(store());
      const own = await connect(scene, { deviceKey: "own" });
      const other = await connect(scene, { deviceKey: "other" });
      const parked = await approvedFor(scene, {
        deviceKey: "own",
        deviceId: own.deviceId,
        owner: "a key",
        ownerId: `key:${scene.keyId}`,
      });
      const { callId } = parked.call;
      await scene.tenant.enqueueInput({
        runId: parked.runId,
        input: { kind: "message", message: { role: "user", content: "wake" } },
        by: AN_ACTOR,
        dedupe: null,
      });
      const held = await claim(scene, parked.runId);
      const changed = {
        ...parked.call,
        args: { door: 2 },
        toolName: "close",
        recipient: { kind: "key" as const, deviceKey: "other" },
      };
      await store().fleet.commit(commitOf(held, ["message.user"], { afterSeq: parked.lastSeq, calls: [changed] }));
      expect(await scene.tenant.findCall({ callId })).toMatchObject({ toolName: "open", args: { door: 1 } });
      expect(await takers(scene, callId, [other.sessionId, own.sessionId])).toEqual({
        listed: [own.sessionId],
        sent: [own.sessionId],
      });
    });

    test("a call that was approved for a device goes to it also when it has connected again", async () => {
      const scene = await openScene(store());
      const deviceKey = "laptop";
      const { deviceId } = await connect(scene, { deviceKey });
      const { call } = await approvedFor(scene, { deviceKey, deviceId, owner: "a key", ownerId: `key:${scene.keyId}` });
      const again = await connect(scene, { deviceKey, bootId: "boot 2" });
      expect(await takers(scene, call.callId, [again.sessionId])).toEqual({
        listed: [again.sessionId],
        sent: [again.sessionId],
      });
    });

    test("a call that was approved for a device goes to no other that has come under its key", async () => {
      const scene = await openScene(store());
      const deviceKey = "laptop";
      const { deviceId } = await connect(scene, { deviceKey });
      const { call } = await approvedFor(scene, { deviceKey, deviceId, owner: "a key", ownerId: `key:${scene.keyId}` });
      await scene.tenant.deleteDevice({ deviceId, by: AN_ACTOR });
      const stranger = await connect(scene, { deviceKey });
      expect(await takers(scene, call.callId, [stranger.sessionId])).toEqual({ listed: [], sent: [] });
    });

    test("a call that was approved for a device does not go to who took the device over", async () => {
      const scene = await openScene(store());
      const deviceKey = "laptop";
      const { deviceId } = await connect(scene, { deviceKey });
      const { call } = await approvedFor(scene, { deviceKey, deviceId, owner: "a key", ownerId: `key:${scene.keyId}` });
      const taken = await connect(scene, { deviceKey, owner: "other", ownerId: `key:${v7()}`, mayTakeOver: true });
      expect(taken.deviceId).toBe(deviceId);
      expect(await takers(scene, call.callId, [taken.sessionId])).toEqual({ listed: [], sent: [] });
    });

    test("two keys may have one name, and a device of the one is not a device of the other", async () => {
      const scene = await openScene(store());
      const deviceKey = "laptop";
      const { deviceId } = await connect(scene, { deviceKey });
      const { call } = await approvedFor(scene, { deviceKey, deviceId, owner: "a key", ownerId: `key:${scene.keyId}` });
      const namesake = await connect(scene, { deviceKey, ownerId: `key:${v7()}`, mayTakeOver: true });
      expect(namesake.deviceId).toBe(deviceId);
      expect(await takers(scene, call.callId, [namesake.sessionId])).toEqual({ listed: [], sent: [] });
    });

    test("of a call that was asked for by a gateway of an earlier version, the owner's name counts", async () => {
      const scene = await openScene(store());
      const deviceKey = "laptop";
      const { deviceId, sessionId } = await connect(scene, { deviceKey });
      const { call } = await approvedFor(scene, { deviceKey, deviceId, owner: "a key" });
      const { call: other } = await approvedFor(scene, { deviceKey, deviceId, owner: "other" });
      expect(await takers(scene, call.callId, [sessionId])).toEqual({ listed: [sessionId], sent: [sessionId] });
      expect(await takers(scene, other.callId, [sessionId])).toEqual({ listed: [], sent: [] });
    });

    test("a call that was approved for a key which no device had goes to the device that has it", async () => {
      const scene = await openScene(store());
      const { call } = await approvedFor(scene, { deviceKey: "new", deviceId: null, owner: null, ownerId: null });
      const { sessionId } = await connect(scene, { deviceKey: "new" });
      expect(await takers(scene, call.callId, [sessionId])).toEqual({ listed: [sessionId], sent: [sessionId] });
    });
  });
}
