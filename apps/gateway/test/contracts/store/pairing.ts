import { v7 } from "uuid";
import { describe, expect, test } from "vitest";
import type { Store } from "../../../src/ports/store.ts";
import { AN_ACTOR } from "../../support/an-actor.ts";
import { connect, openScene, parkWithCall, type Scene } from "./scene.ts";

export function pairingOfStore(store: () => Store): void {
  let codes = 0;
  /** A code of its own for each use: codes of one tenant are unique. */
  const newPairing = (more: object = {}) => {
    codes += 1;
    return { code: `CODE-${codes}`, expiresInMs: 60_000, ...more };
  };
  const pair = ({ tenant }: Scene, code: string, subject?: string | null) =>
    tenant.pairDevice({ by: AN_ACTOR, code, subject });
  const view = async (sessionId: string) => (await store().fleet.readOpenCalls({ sessionIds: [sessionId] }))[0];

  describe("pairing", () => {
    test("a session that awaits its pairing is given no call, not even one to its key, and gets them once paired", async () => {
      const scene = await openScene(store());
      const pairing = newPairing();
      const device = await connect(scene, { deviceKey: "laptop", pairing });
      expect(device).toMatchObject({ awaitsPairing: true });
      const named = await parkWithCall(scene, { recipient: { kind: "key", deviceKey: "laptop" } });
      const anybodys = await parkWithCall(scene);
      const { sessionId } = device;
      const markAll = () =>
        Promise.all(
          [named, anybodys].map(({ call }) => scene.tenant.markSent({ callId: call.callId, attempt: 1, sessionId })),
        );
      expect(await view(sessionId)).toMatchObject({ current: true, awaitsPairing: true, calls: [] });
      expect(await markAll()).toEqual([false, false]);
      expect(await pair(scene, pairing.code)).toEqual({ deviceId: device.deviceId, deviceKey: "laptop" });
      const opened = await view(sessionId);
      expect(opened?.awaitsPairing).toBeUndefined();
      expect(opened?.calls.map(({ callId }) => callId).toSorted()).toEqual(
        [named.call.callId, anybodys.call.callId].toSorted(),
      );
      expect(await markAll()).toEqual([true, true]);
    });

    test("a device tells where it stands with its pairing, alone and in a list, and never its code", async () => {
      const scene = await openScene(store());
      const [waits, leaves] = [newPairing(), newPairing()];
      const before = Date.now();
      const waiting = await connect(scene, { pairing: waits });
      const left = await connect(scene, { pairing: leaves });
      const free = await connect(scene);
      await scene.tenant.endDeviceSession({ sessionId: left.sessionId, reason: "disconnected" });
      const states = async (): Promise<unknown[]> => {
        const { data } = await scene.tenant.listDevices({ limit: 10, cursor: undefined, subject: undefined });
        expect(JSON.stringify(data)).not.toContain("CODE-");
        return Promise.all(
          [waiting, left, free].map(async ({ deviceId }) => {
            const detail = await scene.tenant.findDevice({ deviceId });
            expect(detail?.pairing).toEqual(data.find(({ id }) => id === deviceId)?.pairing);
            return detail?.pairing;
          }),
        );
      };
      const rest = [{ state: "unpaired" }, { state: "not_needed" }];
      const [first, ...others] = await states();
      expect(first).toEqual({ state: "waiting", expiresAt: expect.any(String) as string });
      expect(others).toEqual(rest);
      const { expiresAt } = first as { expiresAt: string };
      // The clock of a database may be a little off that of the test.
      expect(Math.abs(Date.parse(expiresAt) - before - waits.expiresInMs)).toBeLessThan(30_000);
      await pair(scene, waits.code);
      const [paired, ...still] = await states();
      expect(paired).toEqual({ state: "paired", pairedAt: expect.any(String) as string });
      expect(still).toEqual(rest);
      await scene.tenant.endDeviceSession({ sessionId: waiting.sessionId, reason: "disconnected" });
      expect((await states())[0]).toEqual(paired);
    });

    test("a code that is wrong, was used, has expired, or whose session is over pairs nothing", async () => {
      const scene = await openScene(store());
      const [used, expired, left] = [newPairing(), newPairing({ expiresInMs: -1 }), newPairing()];
      await connect(scene, { pairing: used });
      const late = await connect(scene, { pairing: expired });
      const gone = await connect(scene, { pairing: left });
      await scene.tenant.endDeviceSession({ sessionId: gone.sessionId, reason: "disconnected" });
      expect(await pair(scene, used.code)).not.toBeNull();
      for (const code of ["CODE-0", used.code, expired.code, left.code]) expect(await pair(scene, code)).toBeNull();
      expect(await view(late.sessionId)).toMatchObject({ awaitsPairing: true });
    });

    test("of many who enter one code at once, one pairs the device", async () => {
      const scene = await openScene(store());
      const { code, ...rest } = newPairing();
      await connect(scene, { pairing: { code, ...rest } });
      const answers = await Promise.all(Array.from({ length: 5 }, () => pair(scene, code)));
      expect(answers.filter((answer) => answer !== null)).toHaveLength(1);
      const { data } = await scene.tenant.listAudit({ limit: 10, cursor: undefined, action: "device.pair" });
      expect(data).toHaveLength(1);
    });

    test("a user pairs own devices alone, and nobody those of another tenant", async () => {
      const scene = await openScene(store());
      const stranger = await openScene(store());
      const [hers, nobodys] = [newPairing(), newPairing()];
      await connect(scene, { pairing: hers, subject: "alice" });
      await connect(scene, { pairing: nobodys });
      expect(await pair(stranger, hers.code)).toBeNull();
      expect(await pair(scene, hers.code, "bob")).toBeNull();
      expect(await pair(scene, hers.code, null)).toBeNull();
      expect(await pair(scene, nobodys.code, "alice")).toBeNull();
      expect(await pair(scene, hers.code, "alice")).not.toBeNull();
      expect(await pair(scene, nobodys.code, null)).not.toBeNull();
    });

    test("a device stays paired for its owner, and for no other one, until it is deleted", async () => {
      const scene = await openScene(store());
      const again = async (more: object = {}) =>
        (await connect(scene, { deviceKey: "laptop", pairing: newPairing(), ...more })).awaitsPairing;
      const pairing = newPairing();
      const { deviceId } = await connect(scene, { deviceKey: "laptop", pairing });
      expect(await again()).toBe(true);
      expect(await pair(scene, pairing.code)).toBeNull();
      const last = newPairing();
      await connect(scene, { deviceKey: "laptop", pairing: last });
      await pair(scene, last.code);
      expect(await again()).toBe(false);
      expect(await again({ ownerId: "key:other", mayTakeOver: true })).toBe(true);
      expect(await again({ mayTakeOver: true })).toBe(true);
      await scene.tenant.deleteDevice({ by: AN_ACTOR, deviceId });
      expect(await again()).toBe(true);
    });

    test("who connects without the need to be paired is not remembered as paired", async () => {
      const scene = await openScene(store());
      expect(await connect(scene, { deviceKey: "laptop" })).toMatchObject({ awaitsPairing: false });
      const pairing = newPairing();
      expect(await connect(scene, { deviceKey: "laptop", pairing })).toMatchObject({ awaitsPairing: true });
    });

    test("the devices that await their pairing are counted for each other, and a paired one is never in the way", async () => {
      const scene = await openScene(store());
      const count = (deviceKey: string) =>
        scene.tenant.countPendingPairings({ deviceKey, ownerId: `key:${scene.keyId}` });
      const [first, second] = [newPairing(), newPairing()];
      await connect(scene, { deviceKey: "first", pairing: first });
      await connect(scene, { deviceKey: "second", pairing: second });
      expect([await count("first"), await count("second"), await count(v7())]).toEqual([1, 1, 2]);
      await pair(scene, first.code);
      expect([await count("first"), await count("second"), await count(v7())]).toEqual([0, 0, 1]);
      expect(await scene.tenant.countPendingPairings({ deviceKey: "first", ownerId: "key:other" })).toBe(1);
    });
  });
}
