import { describe, expect, test } from "vitest";
import { LOCK_CALL, LOCK_RUN, openRaces } from "../../../test/contracts/store/races.ts";
import {
  claim,
  commitOf,
  connect,
  openScene,
  parkWithCall,
  registrationOf,
  resultOf,
} from "../../../test/contracts/store/scene.ts";
import { missingServices } from "../../../test/services/services.ts";
import { AN_ACTOR } from "../../../test/support/an-actor.ts";

const LOCK_DEVICE = "select from devices where id = $1 for update";
const LOCK_SESSION = "select from device_sessions where id = $1 for update";

describe.skipIf(await missingServices("postgres"))("races of devices on Postgres", () => {
  const races = openRaces();

  describe("a tool result", () => {
    async function heldCall() {
      const scene = await openScene(races.store);
      const { runId, call, lastSeq } = await parkWithCall(scene);
      // The holder is about to find that the deadline has passed.
      await races.locks.read("update runs set wake_at = now() where id = $1", [runId]);
      const held = await claim(scene, runId);
      const submit = (hash: string) => () =>
        scene.tenant.submitToolResult(resultOf(call.callId, hash, { kind: "http", runId }));
      const expired = { ...call, status: "expired" as const, settledAt: Date.now() };
      const expire = () =>
        races.store.fleet.commit(
          commitOf(held, ["tool.expired"], { afterSeq: lastSeq, calls: [expired], inboxMustBe: 0 }),
        );
      return { scene, runId, call, held, submit, expire };
    }

    test("a result comes before the commit that expires its call: that commit is refused, so that the result is seen (R7)", async () => {
      const { scene, runId, call, submit, expire } = await heldCall();
      await races.locks.hold(LOCK_RUN, [runId]);
      const [submitted, expired] = await races.locks.inOrder(submit("a"), expire);
      expect([submitted.kind, expired.kind]).toEqual(["accepted", "inputs_waiting"]);
      expect((await scene.tenant.findCall({ callId: call.callId }))?.status).toBe("dispatched");
    });

    test("a result comes behind the commit that expires its call: it is refused, although its snapshot saw the call out (R7)", async () => {
      const { runId, submit, expire } = await heldCall();
      await races.locks.hold(LOCK_RUN, [runId]);
      const [expired, submitted] = await races.locks.inOrder(expire, submit("a"));
      expect([expired.kind, submitted]).toEqual(["committed", { kind: "conflict", status: "expired" }]);
      expect(await races.inboxOf(runId)).toEqual({ inbox: 0, waiting: 0 });
    });

    test("a result waits while the commit that expires its call is half done: no deadlock, and it is refused (R7)", async () => {
      const { call, runId, submit, expire } = await heldCall();
      // The commit has the run's row and stops at the call's; the result stops at the run's.
      await races.locks.hold(LOCK_CALL, [call.callId]);
      const [expired, submitted] = await races.locks.inOrder(expire, submit("a"));
      expect([expired.kind, submitted]).toEqual(["committed", { kind: "conflict", status: "expired" }]);
      expect(await races.inboxOf(runId)).toEqual({ inbox: 0, waiting: 0 });
    });

    test("of two different results at the same moment one wins and the other is refused (R7)", async () => {
      const { runId, submit } = await heldCall();
      await races.locks.hold(LOCK_RUN, [runId]);
      const [one, two] = await races.locks.inOrder(submit("a"), submit("b"));
      expect([one.kind, two]).toEqual(["accepted", { kind: "conflict", status: "dispatched" }]);
      expect(await races.inboxOf(runId)).toEqual({ inbox: 1, waiting: 1 });
    });

    test("the same result twice at the same moment counts once (R7)", async () => {
      const { runId, submit } = await heldCall();
      await races.locks.hold(LOCK_RUN, [runId]);
      const [one, two] = await races.locks.inOrder(submit("a"), submit("a"));
      expect([one.kind, two.kind]).toEqual(["accepted", "duplicate"]);
      expect(await races.inboxOf(runId)).toEqual({ inbox: 1, waiting: 1 });
    });

    test("a call that expires while it is being sent is not sent", async () => {
      const { scene, call, expire } = await heldCall();
      const { sessionId } = await connect(scene);
      await races.locks.hold(LOCK_CALL, [call.callId]);
      const mark = () => scene.tenant.markSent({ callId: call.callId, attempt: 1, sessionId });
      const [expired, sent] = await races.locks.inOrder(expire, mark);
      expect([expired.kind, sent]).toEqual(["committed", false]);
    });

    test("of two devices that are about to be sent one call one is sent it", async () => {
      const { scene, call } = await heldCall();
      const [one, two] = [await connect(scene), await connect(scene)];
      const mark = (sessionId: string) => () => scene.tenant.markSent({ callId: call.callId, attempt: 1, sessionId });
      await races.locks.hold(LOCK_CALL, [call.callId]);
      expect(await races.locks.inOrder(mark(one.sessionId), mark(two.sessionId))).toEqual([true, false]);
    });
  });

  describe("devices that register together", () => {
    /** No other test claims under its name, so nobody has its lifeline. */
    const LOST = "gateway-lost";

    async function many(count: number, gatewayId = "gateway-a") {
      const scene = await openScene(races.store);
      const keys = Array.from({ length: count }, (_, nth) => `device ${nth}`);
      const registrationsAt = (at: string, order: readonly string[]) =>
        order.map((deviceKey) => registrationOf(scene, { deviceKey, gatewayId: at }));
      const known = await scene.tenant.registerDevices(registrationsAt(gatewayId, keys));
      const sessions = known.map((outcome) => {
        if (outcome.kind !== "registered") throw new Error("each is registered");
        return outcome;
      });
      return { scene, keys, registrationsAt, sessions };
    }

    test("one that the database refuses fails by itself, and all others are registered", async () => {
      const { scene } = await many(1);
      const pairing = { code: "AAAA-AAAA", expiresInMs: 60_000 };
      const registrations = [
        registrationOf(scene, { pairing }),
        registrationOf(scene, { pairing }),
        registrationOf(scene, { onlyRunId: "no id" }),
        registrationOf(scene),
      ];
      const outcomes = await scene.tenant.registerDevices(registrations);
      expect(outcomes.map(({ kind }) => kind)).toEqual(["registered", "failed", "failed", "registered"]);
    });

    test("two gateways register the same devices in opposite orders: no deadlock, and each has one open session", async () => {
      const { scene, keys, registrationsAt, sessions } = await many(3);
      const [first] = sessions;
      await races.locks.hold(LOCK_DEVICE, [first?.deviceId]);
      const at = (gatewayId: string, order: readonly string[]) => () =>
        scene.tenant.registerDevices(registrationsAt(gatewayId, order));
      const both = await races.locks.inOrder(at("gateway-b", keys), at("gateway-c", keys.toReversed()));
      expect(both.flat().map(({ kind }) => kind)).toEqual(Array.from({ length: 6 }, () => "registered"));
      for (const { deviceId } of sessions) {
        const device = await scene.tenant.findDevice({ deviceId });
        const open = device?.sessions.filter(({ disconnectedAt }) => disconnectedAt === null);
        expect(open?.map(({ gatewayId }) => gatewayId)).toEqual(["gateway-c"]);
      }
    });

    test.each(["the end", "the registration"])(
      "devices come back while a statement ends the sessions of their dead gateway, and %s comes first: no deadlock",
      async (first) => {
        const { scene, keys, registrationsAt, sessions } = await many(3, LOST);
        // The ids of the sessions are in another order than the keys.
        await races.locks.hold(LOCK_SESSION, [sessions[1]?.sessionId]);
        // It is silent, and nobody holds its lifeline.
        await races.locks.read(
          `insert into gateways (id, lifeline, beaten_at) values ('${LOST}', pg_postmaster_start_time(), 'epoch')
           on conflict (id) do update set lifeline = excluded.lifeline, beaten_at = excluded.beaten_at`,
        );
        const end = () => races.store.fleet.endDeadGateways({ silenceMs: 0, until: Number.POSITIVE_INFINITY });
        const back = () => scene.tenant.registerDevices(registrationsAt("gateway-b", keys.toReversed()));
        const outcomes =
          first === "the end" ? (await races.locks.inOrder(end, back))[1] : (await races.locks.inOrder(back, end))[0];
        expect(outcomes.map(({ kind }) => kind)).toEqual(["registered", "registered", "registered"]);
      },
    );
  });

  describe("the end of a device's session", () => {
    /** Both statements lock both rows: they are stopped at either, in either order. */
    const STOPS = [
      { stop: "device", first: "the end" },
      { stop: "device", first: "the other" },
      { stop: "session", first: "the end" },
      { stop: "session", first: "the other" },
    ] as const;
    type Stop = (typeof STOPS)[number];

    async function connected() {
      const scene = await openScene(races.store);
      const { deviceId, sessionId } = await connect(scene, { deviceKey: "k" });
      const end = () => scene.tenant.endDeviceSession({ sessionId, reason: "closed" });
      const endAgainst = async <T>(other: () => Promise<T>, { stop, first }: Stop): Promise<T> => {
        if (stop === "device") await races.locks.hold(LOCK_DEVICE, [deviceId]);
        else await races.locks.hold(LOCK_SESSION, [sessionId]);
        if (first === "the other") return (await races.locks.inOrder(other, end))[0];
        return (await races.locks.inOrder(end, other))[1];
      };
      const find = () => scene.tenant.findDevice({ deviceId });
      return { scene, deviceId, sessionId, endAgainst, find };
    }

    test.each(STOPS)(
      "a device registers elsewhere while its session ends, the $stop is locked and $first comes first: no deadlock, and only the new session is open",
      async (stop) => {
        const { scene, deviceId, sessionId, endAgainst, find } = await connected();
        const register = () => connect(scene, { deviceKey: "k", gatewayId: "gateway-b" });
        const next = await endAgainst(register, stop);
        expect(next.deviceId).toBe(deviceId);
        const reason = stop.first === "the end" ? "closed" : "replaced";
        expect(await find()).toMatchObject({
          online: true,
          sessions: [
            { id: next.sessionId, gatewayId: "gateway-b", disconnectedAt: null, reason: null },
            { id: sessionId, reason },
          ],
        });
      },
    );

    test.each(STOPS)(
      "a device is deleted while its session ends, the $stop is locked and $first comes first: no deadlock, and nothing is left",
      async (stop) => {
        const { scene, deviceId, endAgainst, find } = await connected();
        expect(await endAgainst(() => scene.tenant.deleteDevice({ by: AN_ACTOR, deviceId }), stop)).toBe(true);
        expect(await find()).toBeNull();
        expect(await races.locks.read("select id from device_sessions where device_id = $1", [deviceId])).toEqual([]);
      },
    );
  });
});
