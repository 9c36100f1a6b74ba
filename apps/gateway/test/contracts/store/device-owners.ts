import { v7 } from "uuid";
import { describe, expect, test } from "vitest";
import type { Store } from "../../../src/ports/store.ts";
import { storableText } from "../../../src/ports/storable-text.ts";
import { AN_ACTOR } from "../../support/an-actor.ts";
import {
  callOf,
  claim,
  commitOf,
  connect,
  NASTY,
  openScene,
  register,
  registrationOf,
  type Scene,
  start,
  type startParams,
} from "./scene.ts";

export function deviceOwnersOfStore(store: () => Store): void {
  /** Another key of the tenant, as an owner of devices. Two keys may have one name. */
  async function keyOf({ tenant }: Scene) {
    const keyId = v7();
    const made = {
      by: AN_ACTOR,
      name: "a key",
      scopes: ["admin" as const],
      groups: [],
      subject: null,
      createdBy: "o",
      expiresInMs: null,
    };
    await tenant.createApiKey({ ...made, keyId, keyHash: v7() });
    return { keyId, owner: { owner: "a key", ownerId: `key:${keyId}` } };
  }

  const user = (subject: string) => ({ owner: "a key", ownerId: `subject:${subject}`, subject });

  describe("owners of devices", () => {
    test("another key of the same name registers a device only if it may take it over, and owns it from then on", async () => {
      const scene = await openScene(store());
      const deviceKey = "phone";
      const other = await keyOf(scene);
      const admin = await keyOf(scene);
      const own = await connect(scene, { deviceKey, displayName: "Mine" });
      expect(await register(scene, { deviceKey, ...other.owner, displayName: "Other" })).toBeNull();
      expect(await scene.tenant.readSessionStanding(own)).toBe("open");
      expect((await scene.tenant.findDevice(own))?.displayName).toBe("Mine");
      const taken = await connect(scene, { deviceKey, ...admin.owner, mayTakeOver: true });
      expect(taken.deviceId).toBe(own.deviceId);
      expect(await register(scene, { deviceKey })).toBeNull();
      expect((await connect(scene, { deviceKey, ...admin.owner })).deviceId).toBe(own.deviceId);
    });

    test("of many devices that register together each has its own outcome, in the order in which they were given", async () => {
      const scene = await openScene(store());
      const other = await keyOf(scene);
      const [taken, replaced] = [
        await connect(scene, { deviceKey: "b taken", ...other.owner }),
        await connect(scene, { deviceKey: "c known" }),
      ];
      await connect(scene, { deviceKey: "d over", ...other.owner });
      const registrations = ["e new", "c known", "b taken", "a new", "d over"].map((deviceKey) =>
        registrationOf(scene, { deviceKey, gatewayId: "gateway-b", bootId: deviceKey }),
      );
      await store().fleet.recordHeartbeat({ gatewayId: "gateway-b", stopping: false });
      const outcomes = await scene.tenant.registerDevices(
        registrations.map((one) => (one.deviceKey === "d over" ? { ...one, mayTakeOver: true } : one)),
      );
      expect(outcomes.map(({ kind }) => kind)).toEqual([
        "registered",
        "registered",
        "not_owner",
        "registered",
        "registered",
      ]);
      for (const [nth, outcome] of outcomes.entries()) {
        if (outcome.kind !== "registered") continue;
        expect(outcome.sessionId).toBe(registrations[nth]?.sessionId);
        const device = await scene.tenant.findDevice(outcome);
        expect(device?.key).toBe(registrations[nth]?.deviceKey);
        expect(device?.sessions[0]).toMatchObject({ id: outcome.sessionId, gatewayId: "gateway-b" });
      }
      expect(await scene.tenant.readSessionStanding(taken)).toBe("open");
      expect(outcomes[1]).toMatchObject({ deviceId: replaced.deviceId });
      const { data } = await scene.tenant.listAudit({ limit: 10, cursor: undefined });
      expect(
        data.filter(({ action }) => action === "device.take_over").map(({ targets }) => targets.deviceKey),
      ).toEqual(["d over"]);
    });

    test("what each of many devices says of itself is kept as it was said, odd texts included", async () => {
      const scene = await openScene(store());
      const odd = ["", NASTY, '{"a",b}', "\\", "NULL"];
      const registrations = odd.map((text, nth) =>
        registrationOf(scene, {
          deviceKey: `odd ${nth}`,
          displayName: nth === 0 ? null : storableText(text),
          labels: nth === 0 ? {} : { room: text, [`l${nth}`]: text },
          tools: odd
            .slice(0, nth)
            .map((description, n) => ({ name: `tool_${n}`, description, inputSchema: { const: text } })),
        }),
      );
      const outcomes = await scene.tenant.registerDevices(registrations);
      for (const [nth, outcome] of outcomes.entries()) {
        const { displayName, labels, tools } = registrations[nth] ?? {};
        if (outcome.kind !== "registered") throw new Error("each is registered");
        const device = await scene.tenant.findDevice(outcome);
        expect(device).toMatchObject({ displayName, labels, tools });
      }
    });

    test("two users of one key never get each other's device, nor the key's own, and a user keeps it under any key", async () => {
      const scene = await openScene(store());
      const other = await keyOf(scene);
      const hers = await connect(scene, { deviceKey: "hers", ...user("alice") });
      await connect(scene, { deviceKey: "ours" });
      expect(await register(scene, { deviceKey: "hers", ...user("bob") })).toBeNull();
      expect(await register(scene, { deviceKey: "hers" })).toBeNull();
      expect(await register(scene, { deviceKey: "ours", ...user("alice") })).toBeNull();
      const again = await connect(scene, { deviceKey: "hers", ...user("alice"), owner: other.keyId });
      expect(again.deviceId).toBe(hers.deviceId);
      expect(await scene.tenant.findDevice(again)).toMatchObject({ subject: "alice" });
    });

    test("the device of a key that is revoked goes to the next key, and to no user", async () => {
      const scene = await openScene(store());
      const [former, next] = [await keyOf(scene), await keyOf(scene)];
      const own = await connect(scene, { deviceKey: "server", ...former.owner });
      expect(await register(scene, { deviceKey: "server", ...next.owner })).toBeNull();
      await scene.tenant.revokeApiKey({ by: AN_ACTOR, keyId: former.keyId });
      expect(await register(scene, { deviceKey: "server", ...user("alice") })).toBeNull();
      expect((await connect(scene, { deviceKey: "server", ...next.owner })).deviceId).toBe(own.deviceId);
    });

    test("devices are listed for one user, for the tenant itself, or all", async () => {
      const scene = await openScene(store());
      const hers = await connect(scene, user("alice"));
      const his = await connect(scene, user("bob"));
      const ours = await connect(scene);
      const listed = async (subject: string | null | undefined) =>
        (await scene.tenant.listDevices({ limit: 9, cursor: undefined, subject })).data.map(({ id }) => id);
      expect(await listed("alice")).toEqual([hers.deviceId]);
      expect(await listed(null)).toEqual([ours.deviceId]);
      expect(await listed(undefined)).toEqual([ours.deviceId, his.deviceId, hers.deviceId]);
    });
  });

  describe("whose calls a device takes", () => {
    /** A call of a run that is started so, to the device with this key or to any. */
    async function callFor(scene: Scene, started: Parameters<typeof startParams>[0], deviceKey: string | null) {
      const { runId } = await start(scene, started);
      const recipient =
        deviceKey === null
          ? ({ kind: "any", labels: {}, platform: null } as const)
          : ({ kind: "key", deviceKey } as const);
      const call = callOf({ recipient });
      await scene.store.fleet.commit(commitOf(await claim(scene, runId), ["run.started"], { calls: [call] }));
      return { runId, callId: call.callId };
    }

    /** Whether a session is listed a call. The store must then let it be sent, and otherwise not. */
    async function takes(scene: Scene, sessionId: string, callId: string): Promise<boolean> {
      const [session] = await scene.store.fleet.readOpenCalls({ sessionIds: [sessionId] });
      const isListed = session?.calls.some((call) => call.callId === callId) === true;
      expect(await scene.tenant.markSent({ callId, attempt: 1, sessionId })).toBe(isListed);
      return isListed;
    }

    test.each(["its key", "the pool"])(
      "a user's device takes calls to %s of that user's runs and the operator's",
      async (to) => {
        const scene = await openScene(store());
        const deviceKey = "hers";
        const { sessionId } = await connect(scene, { deviceKey, ...user("alice") });
        const takenOf = async (subject: string | null) =>
          takes(scene, sessionId, (await callFor(scene, { subject }, to === "the pool" ? null : deviceKey)).callId);
        expect(await takenOf("bob")).toBe(false);
        expect(await takenOf("alice")).toBe(true);
        expect(await takenOf(null)).toBe(true);
      },
    );

    test("the tenant's own device takes calls of every user", async () => {
      const scene = await openScene(store());
      const { sessionId } = await connect(scene, { deviceKey: "server" });
      for (const subject of ["alice", "bob", null]) {
        expect(await takes(scene, sessionId, (await callFor(scene, { subject }, "server")).callId)).toBe(true);
      }
    });

    test("a session whose credential names a run or a thread takes calls of no other, though they name its device", async () => {
      const scene = await openScene(store());
      const deviceKey = "tab";
      const { thread } = await scene.tenant.createThread({ threadId: v7(), key: null, subject: null, metadata: {} });
      const inside = await callFor(scene, { threadId: thread.id }, deviceKey);
      const outside = await callFor(scene, {}, deviceKey);
      const ofThread = await connect(scene, { deviceKey, onlyThreadId: thread.id });
      expect(await takes(scene, ofThread.sessionId, outside.callId)).toBe(false);
      expect(await takes(scene, ofThread.sessionId, inside.callId)).toBe(true);
      const ofRun = await connect(scene, { deviceKey, onlyRunId: outside.runId });
      const third = await callFor(scene, {}, deviceKey);
      expect(await takes(scene, ofRun.sessionId, third.callId)).toBe(false);
      expect(await takes(scene, ofRun.sessionId, outside.callId)).toBe(true);
    });
  });
}
