import { describe, expect, test } from "vitest";
import { LOCK_CALL, LOCK_RUN, openRaces } from "../../../test/contracts/store/races.ts";
import { claim, commitOf, endOf, openScene, parkWithCall } from "../../../test/contracts/store/scene.ts";
import { missingServices } from "../../../test/services/services.ts";
import { AN_ACTOR } from "../../../test/support/an-actor.ts";

describe.skipIf(await missingServices("postgres"))("races of inputs on Postgres", () => {
  const races = openRaces();

  describe("an input while the holder parks", () => {
    const parkOf = (held: Awaited<ReturnType<typeof claim>>) =>
      commitOf(held, ["run.started", "run.waiting"], {
        status: "waiting_tool",
        inboxMustBe: 0,
        lease: { kind: "release", wakeAt: null },
      });

    test("an input comes before the commit that parks its run: that commit is refused, so that the input is seen", async () => {
      const { scene, runId, held, send } = await races.heldRun();
      await races.locks.hold(LOCK_RUN, [runId]);
      const [sent, parked] = await races.locks.inOrder(send, () => races.store.fleet.commit(parkOf(held)));
      expect([sent.kind, parked.kind]).toEqual(["accepted", "inputs_waiting"]);
      expect(await scene.tenant.readTail({ runId })).toMatchObject({ status: "queued", lastSeq: 2 });
      expect(await races.isDue(runId)).toBe(false);
    });

    test("an input comes behind the commit that parks its run: it makes the run due", async () => {
      const { runId, held, send } = await races.heldRun();
      await races.locks.hold(LOCK_RUN, [runId]);
      const [parked, sent] = await races.locks.inOrder(() => races.store.fleet.commit(parkOf(held)), send);
      expect([parked.kind, sent]).toEqual(["committed", { kind: "accepted", status: "waiting_tool" }]);
      expect(await races.isDue(runId)).toBe(true);
    });

    test("an input while the lease is given back makes the run due, whichever of the two comes first", async () => {
      for (const swap of [false, true]) {
        const { runId, held, send } = await races.heldRun();
        const release = () =>
          races.store.fleet.commit(
            commitOf(held, ["run.started"], { lease: { kind: "release", wakeAt: Date.now() + 3600_000 } }),
          );
        await races.locks.hold(LOCK_RUN, [runId]);
        if (swap) await races.locks.inOrder(release, send);
        else await races.locks.inOrder(send, release);
        expect(await races.isDue(runId)).toBe(true);
      }
    });
  });

  describe("an input while the run ends", () => {
    test("an input comes before the end of its run: the end is refused, so that the input is seen", async () => {
      const { runId, held, send } = await races.heldRun();
      await races.locks.hold(LOCK_RUN, [runId]);
      const [sent, ended] = await races.locks.inOrder(send, () =>
        races.store.fleet.commit(endOf(held, { inboxMustBe: 0 })),
      );
      expect([sent.kind, ended.kind]).toEqual(["accepted", "inputs_waiting"]);
    });

    test("an input comes behind the end of its run: it is refused, never accepted and then overlooked (R6)", async () => {
      const { runId, held, send } = await races.heldRun();
      await races.locks.hold(LOCK_RUN, [runId]);
      const [ended, sent] = await races.locks.inOrder(
        () => races.store.fleet.commit(endOf(held, { inboxMustBe: 0 })),
        send,
      );
      expect([ended.kind, sent]).toEqual(["committed", { kind: "ended", status: "completed" }]);
      expect(await races.inboxOf(runId)).toEqual({ inbox: 0, waiting: 0 });
    });

    test("two inputs under one dedupe key at the same moment raise the counter once", async () => {
      const { scene, runId } = await races.heldRun();
      const send = () =>
        scene.tenant.enqueueInput({
          by: AN_ACTOR,
          runId,
          input: { kind: "cancel", reason: null },
          dedupe: { key: "cancel", bodyHash: "" },
        });
      await races.locks.hold(LOCK_RUN, [runId]);
      const [one, two] = await races.locks.inOrder(send, send);
      expect([one.kind, two.kind].toSorted()).toEqual(["accepted", "duplicate"]);
      expect(await races.inboxOf(runId)).toEqual({ inbox: 1, waiting: 1 });
    });
  });

  describe("an approval", () => {
    async function heldCall() {
      const scene = await openScene(races.store);
      const awaiting = { status: "awaiting_approval", attempt: 0, dispatchedAt: null, deadline: null } as const;
      const { runId, call, lastSeq } = await parkWithCall(scene, awaiting);
      await races.locks.read("update runs set wake_at = now() where id = $1", [runId]);
      const held = await claim(scene, runId);
      const { callId } = call;
      const input = { kind: "approval", callId, approved: true, reason: null, by: "a person" } as const;
      const approve = () =>
        scene.tenant.enqueueInput({
          by: AN_ACTOR,
          runId,
          input,
          dedupe: { key: `approval:${callId}`, bodyHash: "true" },
        });
      const expired = { ...call, status: "expired" as const, settledAt: Date.now() };
      const expire = () =>
        races.store.fleet.commit(
          commitOf(held, ["tool.expired"], { afterSeq: lastSeq, calls: [expired], inboxMustBe: 0 }),
        );
      return { runId, callId, approve, expire };
    }

    test("an approval comes before the commit that expires its call: that commit is refused, so that the approval is seen", async () => {
      const { runId, approve, expire } = await heldCall();
      await races.locks.hold(LOCK_RUN, [runId]);
      const [approved, expired] = await races.locks.inOrder(approve, expire);
      expect([approved.kind, expired.kind]).toEqual(["accepted", "inputs_waiting"]);
    });

    test("an approval comes behind the commit that expires its call: it is refused, although its snapshot saw the call waiting", async () => {
      const { runId, approve, expire } = await heldCall();
      await races.locks.hold(LOCK_RUN, [runId]);
      const [expired, approved] = await races.locks.inOrder(expire, approve);
      expect([expired.kind, approved]).toEqual(["committed", { kind: "call_not_awaiting", callStatus: "expired" }]);
      expect(await races.inboxOf(runId)).toEqual({ inbox: 0, waiting: 0 });
    });

    test("an approval waits while the commit that expires its call is half done: no deadlock, and it is refused", async () => {
      const { runId, callId, approve, expire } = await heldCall();
      await races.locks.hold(LOCK_CALL, [callId]);
      const [expired, approved] = await races.locks.inOrder(expire, approve);
      expect([expired.kind, approved]).toEqual(["committed", { kind: "call_not_awaiting", callStatus: "expired" }]);
      expect(await races.inboxOf(runId)).toEqual({ inbox: 0, waiting: 0 });
    });
  });
});
