import { describe, expect, test } from "vitest";
import { openRaces } from "../../../test/contracts/store/races.ts";
import { mergedEnd } from "../../core/merged-end.ts";
import { claim, claimAll, commitOf, endOf, start, TS } from "../../../test/contracts/store/scene.ts";
import { missingServices } from "../../../test/services/services.ts";
import { AN_ACTOR } from "../../../test/support/an-actor.ts";

describe.skipIf(await missingServices("postgres"))("races of threads on Postgres", () => {
  const races = openRaces();

  describe("a thread", () => {
    const LOCK_THREAD = "select from threads where tenant_id = $1 for update";

    test("a run starts while the run before it ends, in either order: it is due, and once", async () => {
      for (const endFirst of [true, false]) {
        const { scene, held } = await races.heldRun("t");
        await races.locks.hold(LOCK_THREAD, [scene.tenantId]);
        const end = () => races.store.fleet.commit(endOf(held));
        const begin = () => start(scene, { threadId: "t" });
        const [ended, begun] = endFirst
          ? await races.locks.inOrder(end, begin)
          : (await races.locks.inOrder(begin, end)).toReversed();
        const { runId } = begun as Awaited<ReturnType<typeof begin>>;
        expect(ended).toEqual({ kind: "committed", wakes: endFirst ? [] : [runId] });
        const due = (await claimAll(races.store)).filter((run) => run.tenantId === scene.tenantId);
        expect(due.map((run) => run.runId)).toEqual([runId]);
      }
    });

    test("two runs of one thread end at once, one of them canceled out of its turn: the third is due, and there is no deadlock", async () => {
      const { scene, held } = await races.heldRun("t");
      const second = await start(scene, { threadId: "t" });
      const third = await start(scene, { threadId: "t" });
      const dedupe = { key: "cancel", bodyHash: "" };
      await scene.tenant.enqueueInput({
        by: AN_ACTOR,
        runId: second.runId,
        input: { kind: "cancel", reason: null },
        dedupe,
      });
      const canceled = await claim(scene, second.runId);
      await races.locks.hold(LOCK_THREAD, [scene.tenantId]);
      const [one, two] = await races.locks.inOrder(
        () => races.store.fleet.commit(endOf(held)),
        () => races.store.fleet.commit(endOf(canceled, { status: "canceled" })),
      );
      expect([one.kind, two.kind]).toEqual(["committed", "committed"]);
      expect([one, two].flatMap((outcome) => (outcome.kind === "committed" ? outcome.wakes : []))).toContain(
        third.runId,
      );
      const due = (await claimAll(races.store)).filter((run) => run.tenantId === scene.tenantId);
      expect(due.map((run) => run.runId)).toEqual([third.runId]);
    });

    test("a run takes a message in while another start interrupts both runs: no deadlock, and the message is answered or canceled once", async () => {
      for (const mergeFirst of [true, false]) {
        const { scene, held } = await races.heldRun("t");
        const steering = await start(scene, { threadId: "t", policy: "steer" });
        await races.locks.hold(LOCK_THREAD, [scene.tenantId]);
        const merges = [mergedEnd({ runId: steering.runId, messages: 1, into: held.runId, now: TS })];
        const merge = () => races.store.fleet.commit(commitOf(held, ["message.user"], { merges }));
        const interrupt = () => start(scene, { threadId: "t", policy: "interrupt" });
        const [merged, begun] = mergeFirst
          ? await races.locks.inOrder(merge, interrupt)
          : (await races.locks.inOrder(interrupt, merge)).toReversed();
        expect(merged).toMatchObject({ kind: mergeFirst ? "committed" : "inputs_waiting" });
        const { told } = begun as Awaited<ReturnType<typeof interrupt>>;
        expect(told.toSorted()).toEqual((mergeFirst ? [held.runId] : [held.runId, steering.runId]).toSorted());
        const { status } = (await scene.tenant.findRun({ runId: steering.runId })) ?? {};
        expect(status).toBe(mergeFirst ? "merged" : "queued");
      }
    });

    test("a run ends while another start steers or interrupts it: the new run is due, and is told to nobody", async () => {
      for (const policy of ["steer", "interrupt"] as const) {
        const { scene, held } = await races.heldRun("t");
        await races.locks.hold(LOCK_THREAD, [scene.tenantId]);
        const [ended, begun] = await races.locks.inOrder(
          () => races.store.fleet.commit(endOf(held)),
          () => start(scene, { threadId: "t", policy }),
        );
        const { runId, told } = begun;
        expect(ended).toEqual({ kind: "committed", wakes: [] });
        expect(told).toEqual([]);
        expect(await races.isDue(runId)).toBe(true);
      }
    });

    test("a gateway dies between the end of a run and waking the next: the sweep wakes it", async () => {
      const { scene, held } = await races.heldRun("t");
      const next = await start(scene, { threadId: "t" });
      await races.store.fleet.commit(endOf(held));
      await races.locks.read("update runs set wake_at = null where id = $1", [next.runId]);
      expect(await races.isDue(next.runId)).toBe(false);
      expect(await races.store.fleet.sweep({ gatewayTimeoutMs: 60_000 })).toContain(next.runId);
      expect(await races.isDue(next.runId)).toBe(true);
      expect(await races.store.fleet.sweep({ gatewayTimeoutMs: 60_000 })).not.toContain(next.runId);
    });
  });
});
