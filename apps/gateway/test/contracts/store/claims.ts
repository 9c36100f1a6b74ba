import { v7 } from "uuid";
import { describe, expect, test, vi } from "vitest";
import { RECOVERIES_MAX } from "../../../src/core/limits.ts";
import type { ClaimedRun } from "../../../src/ports/fleet-store.ts";
import type { Store } from "../../../src/ports/store.ts";
import { claim, claimAll, commitOf, endOf, LEASE_MS, openScene, parkWithCall, start, TS } from "./scene.ts";
import { AN_ACTOR } from "../../support/an-actor.ts";
import { EMPTY_PLACES } from "../../support/empty-places.ts";

export function claimsOfStore(store: () => Store): void {
  const take = (params: Partial<Parameters<Store["fleet"]["claimRuns"]>[0]> = {}) =>
    store().fleet.claimRuns({
      gatewayId: "gateway-a",
      claimNumber: 1,
      leaseDurationMs: LEASE_MS,
      limit: 100,
      places: EMPTY_PLACES,
      judgesUntil: Number.POSITIVE_INFINITY,
      lastChancesMax: 100,
      ...params,
    });

  /** Claims with a lease that is over by the next statement: its holder is lost. */
  const takeAndLose = async (runId: string): Promise<ClaimedRun> => {
    const { runs } = await take({ leaseDurationMs: 0 });
    const claimed = runs.find((run) => run.runId === runId);
    if (claimed === undefined) throw new Error(`run ${runId} was not due`);
    return claimed;
  };

  describe("claims", () => {
    test("a run is held by one gateway at a time, however many claim at the same moment (R5)", async () => {
      const scene = await openScene(store());
      await claimAll(store());
      const started = await Promise.all(Array.from({ length: 12 }, () => start(scene)));
      const claims = await Promise.all(["a", "b", "c", "d"].map((name) => claimAll(store(), `gateway-${name}`)));
      const claimed = claims.flat().map((run) => run.runId);
      expect(claimed.toSorted()).toEqual(started.map((run) => run.runId).toSorted());
      expect(claims.flat().every((run) => run.epoch === 1 && !run.lost)).toBe(true);
    });

    test("a lost lease is taken over under a higher epoch and counted; one handed back is not", async () => {
      const scene = await openScene(store());
      const { runId } = await start(scene);
      await takeAndLose(runId);
      const second = await takeAndLose(runId);
      expect(second).toMatchObject({ epoch: 2, lost: true, recoveries: 1 });
      const third = await claim(scene, runId, "gateway-b");
      expect(third).toMatchObject({ epoch: 3, lost: true, recoveries: 2 });
      await store().fleet.releaseLeases({ runs: [{ runId, epoch: 3 }] });
      expect(await claim(scene, runId)).toMatchObject({ epoch: 4, lost: false, recoveries: 2 });
    });

    test("a run names the gateway that holds it, in itself and in lists, and none once it was handed back", async () => {
      const scene = await openScene(store());
      const { runId } = await start(scene);
      const holders = async (): Promise<unknown[]> => {
        const all = { status: undefined, agent: undefined, threadId: undefined, subject: undefined };
        const listed = await scene.tenant.listRuns({ ...all, limit: 10, cursor: undefined });
        return [(await scene.tenant.findRun({ runId }))?.heldBy, listed.data.find(({ id }) => id === runId)?.heldBy];
      };
      expect(await holders()).toEqual([null, null]);
      const { epoch } = await claim(scene, runId, "gateway-b");
      expect(await holders()).toEqual(["gateway-b", "gateway-b"]);
      await store().fleet.releaseLeases({ runs: [{ runId, epoch }] });
      expect(await holders()).toEqual([null, null]);
    });

    test("a commit that says it is progress clears the count of recoveries; another does not", async () => {
      const scene = await openScene(store());
      const { runId } = await start(scene);
      await takeAndLose(runId);
      const second = await takeAndLose(runId);
      await store().fleet.commit(commitOf(second, ["run.recovered", "step.started"], { progress: false }));
      const third = await takeAndLose(runId);
      expect(third.recoveries).toBe(2);
      await store().fleet.commit(commitOf(third, ["step.completed"], { progress: true }));
      expect((await claim(scene, runId)).recoveries).toBe(1);
    });

    test("of runs on their last chance a claim takes few, and tells no gateway to hurry for those left", async () => {
      const scene = await openScene(store());
      await claimAll(store());
      const runIds = (await Promise.all([start(scene), start(scene), start(scene)])).map((run) => run.runId);
      for (let lost = 0; lost < RECOVERIES_MAX; lost++) {
        expect((await take({ leaseDurationMs: 0 })).runs).toHaveLength(3);
      }
      const first = await take({ lastChancesMax: 1 });
      expect(first.runs).toMatchObject([{ lost: true, recoveries: RECOVERIES_MAX }]);
      const other = await start(scene);
      const second = await take({ lastChancesMax: 0 });
      expect(second.runs.map((run) => run.runId)).toEqual([other.runId]);
      expect(second.nextWakeInMs).not.toBe(0);
      // A run that is handed back is still on its last chance.
      await store().fleet.releaseLeases({ runs: first.runs });
      expect((await take({ lastChancesMax: 0 })).runs).toEqual([]);
      const third = await take({ lastChancesMax: 2, leaseDurationMs: 0 });
      expect(third.runs).toHaveLength(2);
      // Lost once more they are to be given up, which harms no other run.
      const fourth = await take({ lastChancesMax: 0 });
      expect(fourth.runs.map((run) => run.recoveries)).toEqual([RECOVERIES_MAX + 1, RECOVERIES_MAX + 1]);
      const fifth = await take({ lastChancesMax: 1 });
      expect([...fourth.runs, ...fifth.runs].map((run) => run.runId).toSorted()).toEqual(runIds.toSorted());
    });

    test("a run that waits to be given up, and is not loaded, is not counted for the death of its gateway", async () => {
      const scene = await openScene(store());
      await claimAll(store());
      const { runId } = await start(scene);
      for (let lost = 0; lost <= RECOVERIES_MAX; lost++) await takeAndLose(runId);
      const condemned = await takeAndLose(runId);
      expect(condemned).toMatchObject({ lost: true, recoveries: RECOVERIES_MAX + 1 });
      const again = await takeAndLose(runId);
      expect(again).toMatchObject({ lost: false, recoveries: RECOVERIES_MAX + 1 });
      // Forgiven, it is on its last chance, and counted as before.
      await store().fleet.settleStalls({ stalled: [], forgiven: [{ runId, epoch: again.epoch - 2 }] });
      expect((await take({ lastChancesMax: 0 })).runs).toEqual([]);
      expect(await takeAndLose(runId)).toMatchObject({ lost: false, recoveries: RECOVERIES_MAX });
      expect(await takeAndLose(runId)).toMatchObject({ lost: true, recoveries: RECOVERIES_MAX + 1 });
    });

    test("a gateway that was cut off itself takes only runs that nobody holds, and so does a claim that comes too late", async () => {
      const scene = await openScene(store());
      const lost = await start(scene);
      await takeAndLose(lost.runId);
      const waiting = await start(scene);
      const { runs, now } = await take({ judgesUntil: null });
      expect(runs.map((run) => run.runId)).toEqual([waiting.runId]);
      // So does a claim that was held up on its way.
      expect((await take({ judgesUntil: now - 1 })).runs).toEqual([]);
      expect((await claim(scene, lost.runId)).lost).toBe(true);
    });

    test("a gateway that was cut off itself judges no call by its deadline: the result may have been kept away by the same cause", async () => {
      const scene = await openScene(store());
      const overdue = await parkWithCall(scene, { deadline: TS, target: "external", recipient: null }, TS);
      expect((await take({ judgesUntil: null })).runs).toEqual([]);
      const { runId, call } = overdue;
      const answer = { callId: call.callId, outcome: { kind: "completed", result: 1 }, bodyHash: "1" } as const;
      await scene.tenant.submitToolResult({ ...answer, from: { kind: "http", runId } });
      // An input waits, so the run goes on with it.
      expect((await take({ judgesUntil: null })).runs).toMatchObject([{ runId, lost: false }]);
      // A run without an overdue call goes on too. A gateway that was in contact judges deadlines.
      const patient = await parkWithCall(scene, { deadline: Date.now() + 3600_000 }, TS);
      expect((await take({ judgesUntil: null })).runs.map((run) => run.runId)).toEqual([patient.runId]);
      const unanswered = await parkWithCall(scene, { deadline: TS }, TS);
      expect((await take()).runs.map((run) => run.runId)).toEqual([unanswered.runId]);
    });

    test("runs that have begun go before new ones", async () => {
      const scene = await openScene(store());
      const begun = await start(scene);
      const held = await claim(scene, begun.runId);
      await claimAll(store());
      const fresh = await start(scene);
      await store().fleet.releaseLeases({ runs: [held] });
      const first = await take({ limit: 1 });
      const second = await take({ limit: 1 });
      expect([...first.runs, ...second.runs].map((run) => run.runId)).toEqual([begun.runId, fresh.runId]);
    });

    test("a tenant that starts many runs does not keep the others waiting: they take turns", async () => {
      await claimAll(store());
      const scenes = await Promise.all([1, 2, 3].map(() => openScene(store())));
      const [greedy, ...modest] = scenes;
      if (greedy === undefined) throw new Error("there are three");
      for (let n = 0; n < 6; n++) await start(greedy);
      for (const scene of modest) await start(scene);
      const { runs } = await take({ limit: 3 });
      expect(new Set(runs.map((run) => run.tenantId)).size).toBe(3);
      await claimAll(store());
      for (const scene of scenes) for (let n = 0; n < 2; n++) await start(scene);
      const served: string[] = [];
      for (let n = 0; n < 6; n++) served.push(...(await take({ limit: 1 })).runs.map((run) => run.tenantId));
      expect(new Set(served.slice(0, 3)).size).toBe(3);
      expect(served.slice(3)).toEqual(served.slice(0, 3));
    });

    test("a tenant that holds its share of a gateway's places gets no more of them, whatever of it is due; another does", async () => {
      await claimAll(store());
      const [greedy, quiet] = [await openScene(store()), await openScene(store())];
      const begun = await start(greedy);
      const held = await claim(greedy, begun.runId);
      await store().fleet.releaseLeases({ runs: [held] });
      for (let n = 0; n < 4; n++) await start(greedy);
      const { runId } = await start(quiet);
      const heldBy = new Map([[greedy.tenantId, 6]]);
      const first = await take({ places: { free: 2, heldBy } });
      expect(first.runs.map((run) => run.runId)).toEqual([runId]);
      expect(first).toMatchObject({ isAnyWithheld: true });
      // No gateway has to hurry for what is withheld.
      expect(first.nextWakeInMs).not.toBe(0);
      // One place more, and its oldest run gets it.
      const second = await take({ places: { free: 3, heldBy } });
      expect(second.runs.map((run) => run.runId)).toEqual([begun.runId]);
      const third = await take();
      expect(third.runs).toHaveLength(4);
      expect(third.isAnyWithheld).toBe(false);
    });

    test("runs of one tenant that have begun and are due do not keep another's waiting, be they as many as they like", async () => {
      await claimAll(store());
      const [greedy, quiet] = [await openScene(store()), await openScene(store())];
      for (let n = 0; n < 6; n++) await start(greedy);
      await start(quiet);
      const begun = await claimAll(store());
      await store().fleet.releaseLeases({ runs: begun });
      const { runId } = await start(quiet);
      // More are due than are taken, and those of the greedy one have waited for longer.
      const { runs, nextWakeInMs } = await take({ limit: 4 });
      const ofQuiet = runs.filter((run) => run.tenantId === quiet.tenantId);
      expect(runs).toHaveLength(4);
      expect(ofQuiet.map((run) => run.epoch)).toEqual([2, 1]);
      expect(ofQuiet.map((run) => run.runId)).toContain(runId);
      expect(nextWakeInMs).toBe(0);
      // Of one tenant what has begun goes first.
      expect((await claimAll(store())).map((run) => run.epoch)).toEqual([2, 2, 2, 2]);
    });

    test("tenants take turns for last chances too", async () => {
      await claimAll(store());
      const [greedy, quiet] = [await openScene(store()), await openScene(store())];
      const many = [await start(greedy), await start(greedy), await start(greedy)];
      const few = await start(quiet);
      for (let lost = 0; lost < RECOVERIES_MAX; lost++) await take({ leaseDurationMs: 0 });
      const served: string[] = [];
      for (let n = 0; n < 4; n++) served.push(...(await take({ lastChancesMax: 1 })).runs.map((run) => run.runId));
      expect(served.toSorted()).toEqual([...many, few].map((run) => run.runId).toSorted());
      expect(served.indexOf(few.runId)).toBeLessThanOrEqual(1);
    });

    test("a claim says when the next run is due, so that a gateway may sleep until then", async () => {
      const scene = await openScene(store());
      await claimAll(store());
      const { runId } = await start(scene);
      const { runs, now } = await take({ leaseDurationMs: 3600_000 });
      const [held] = runs;
      if (held === undefined) throw new Error(`run ${runId} was not due`);
      expect(Number.isInteger(now)).toBe(true);
      const wakeAt = now + 20_000;
      await store().fleet.commit(
        commitOf(held, ["run.started"], { status: "waiting_tool", lease: { kind: "release", wakeAt } }),
      );
      const { nextWakeInMs } = await take();
      expect(nextWakeInMs).toBeGreaterThan(10_000);
      expect(nextWakeInMs).toBeLessThanOrEqual(20_000);
      await start(scene);
      await start(scene);
      expect((await take({ limit: 1 })).nextWakeInMs).toBe(0);
      await claimAll(store());
    });
  });

  describe("leases", () => {
    test("a renewal keeps a run, works late while nobody took it, and fails for a former holder", async () => {
      const scene = await openScene(store());
      const { runId } = await start(scene);
      const first = await takeAndLose(runId);
      const renew = (gatewayId: string, epoch: number) =>
        store().fleet.renewLeases({ gatewayId, leaseDurationMs: LEASE_MS, runs: [{ runId, epoch }] });
      expect(await renew("gateway-b", first.epoch)).toEqual([]);
      expect(await renew("gateway-a", first.epoch)).toEqual([{ runId, epoch: 1, inbox: 0 }]);
      await expect(claim(scene, runId)).rejects.toThrow("was not due");
      await store().fleet.renewLeases({ gatewayId: "gateway-a", leaseDurationMs: 0, runs: [first] });
      const second = await claim(scene, runId, "gateway-b");
      expect(second.epoch).toBe(2);
      expect(await renew("gateway-a", first.epoch)).toEqual([]);
      await store().fleet.releaseLeases({ runs: [first] });
      await expect(claim(scene, runId)).rejects.toThrow("was not due");
    });

    test("of two runs of a gateway, the one that a renewal does not name is lost when its last one is over, and the other is kept", async () => {
      const scene = await openScene(store());
      await claimAll(store());
      const gatewayId = `gateway ${v7()}`;
      const [kept, left] = await Promise.all([start(scene), start(scene)]);
      const { runs } = await take({ gatewayId });
      const held = runs.filter((run) => run.runId === kept.runId);
      expect(runs).toHaveLength(2);
      const renew = (leaseDurationMs: number, named: readonly ClaimedRun[]) =>
        store().fleet.renewLeases({ gatewayId, leaseDurationMs, runs: named });
      expect(await renew(LEASE_MS, runs)).toHaveLength(2);
      expect((await take()).runs).toEqual([]);
      // So short that it is over by the next statement.
      await renew(1, runs);
      await vi.waitFor(async () => {
        await renew(LEASE_MS, held);
        expect((await take({ gatewayId: "gateway-b" })).runs).toMatchObject([{ runId: left.runId, lost: true }]);
      });
      expect(await renew(LEASE_MS, runs)).toMatchObject([{ runId: kept.runId }]);
      await store().fleet.releaseLeases({ runs: held });
      await claimAll(store());
    });

    test("all runs of a gateway that renews no longer are lost together, unless the claim may not judge", async () => {
      const scene = await openScene(store());
      await claimAll(store());
      const gatewayId = `gateway ${v7()}`;
      const runIds = (await Promise.all([start(scene), start(scene), start(scene)])).map((run) => run.runId);
      const { runs: held } = await take({ gatewayId });
      const renewed = await store().fleet.renewLeases({ gatewayId, leaseDurationMs: LEASE_MS, runs: held });
      expect(renewed.map((run) => run.runId).toSorted()).toEqual(runIds.toSorted());
      const { nextWakeInMs } = await take();
      expect(nextWakeInMs).toBeGreaterThan(0);
      expect(nextWakeInMs).toBeLessThanOrEqual(LEASE_MS);
      await store().fleet.renewLeases({ gatewayId, leaseDurationMs: 0, runs: held });
      expect((await take({ judgesUntil: null })).runs).toEqual([]);
      const { runs } = await take({ gatewayId: "gateway-b" });
      expect(runs.map((run) => run.runId).toSorted()).toEqual(runIds.toSorted());
      expect(runs.every((run) => run.lost && run.epoch === 2)).toBe(true);
      expect(await store().fleet.renewLeases({ gatewayId, leaseDurationMs: LEASE_MS, runs: held })).toEqual([]);
      await store().fleet.releaseLeases({ runs });
      await claimAll(store());
    });

    test("a covered run gets its inputs through its holder, is handed back, and ends as any other", async () => {
      const scene = await openScene(store());
      await claimAll(store());
      const { runId } = await start(scene);
      const held = await claim(scene, runId);
      const renew = (runs: readonly ClaimedRun[]) =>
        store().fleet.renewLeases({ gatewayId: "gateway-a", leaseDurationMs: LEASE_MS, runs });
      await renew([held]);
      await scene.tenant.enqueueInput({ by: AN_ACTOR, runId, input: { kind: "cancel", reason: null }, dedupe: null });
      await expect(claim(scene, runId)).rejects.toThrow("was not due");
      expect(await renew([held])).toMatchObject([{ inbox: 1 }]);
      await store().fleet.releaseLeases({ runs: [held] });
      const again = await claim(scene, runId);
      expect(again).toMatchObject({ epoch: 2, lost: false });
      await renew([again]);
      expect(await store().fleet.commit(endOf(again))).toMatchObject({ kind: "committed" });
      expect(await renew([again])).toEqual([]);
    });

    test("runs taken by a claim whose answer was lost go back by the claim's number, and do not count as lost", async () => {
      const scene = await openScene(store());
      await claimAll(store());
      const { runId } = await start(scene);
      expect((await take({ claimNumber: 7 })).runs.map((run) => run.runId)).toEqual([runId]);
      const giveBack = (gatewayId: string, claimNumbers: readonly number[]) =>
        store().fleet.releaseClaims({ gatewayId, leaseDurationMs: LEASE_MS, claimNumbers });
      await giveBack("gateway-b", [7]);
      await giveBack("gateway-a", [6, 8]);
      await expect(claim(scene, runId)).rejects.toThrow("was not due");
      await giveBack("gateway-a", [6, 7]);
      const { runs } = await take({ claimNumber: 9 });
      expect(runs).toMatchObject([{ runId, epoch: 2, lost: false, recoveries: 0 }]);
      // The present holder keeps it.
      await giveBack("gateway-a", [7]);
      await expect(claim(scene, runId)).rejects.toThrow("was not due");
    });

    test("of a gateway that stalled, the run that did it is counted, and no run beside it, however often it is settled", async () => {
      const scene = await openScene(store());
      await claimAll(store());
      const [culprit, bystander, other] = await Promise.all([start(scene), start(scene), start(scene)]);
      const lost = await takeAndLose(culprit.runId);
      expect(lost).toMatchObject({ recoveries: 0, stalls: 0 });
      // Another gateway has taken all of them for lost, and one of them was lost before.
      await takeAndLose(culprit.runId);
      const costs = {
        stalled: [{ runId: culprit.runId, stalls: 1 }],
        forgiven: [
          { runId: bystander.runId, epoch: 1 },
          // It is the holder of this one that stalled.
          { runId: other.runId, epoch: 2 },
        ],
      };
      await store().fleet.settleStalls(costs);
      await store().fleet.settleStalls(costs);
      const { runs } = await take();
      const of = (runId: string): object | undefined => runs.find((run) => run.runId === runId);
      expect(of(culprit.runId)).toMatchObject({ epoch: 3, recoveries: 2, stalls: 1 });
      expect(of(bystander.runId)).toMatchObject({ epoch: 3, recoveries: 1, stalls: 0 });
      expect(of(other.runId)).toMatchObject({ epoch: 3, recoveries: 2, stalls: 0 });
      // Who holds a run hears of what was forgiven since.
      await store().fleet.settleStalls({ stalled: [], forgiven: [{ runId: other.runId, epoch: 1 }] });
      const outline = await store().fleet.loadOutline({ tenantId: scene.tenantId, runId: other.runId, epoch: 3 });
      expect(outline?.recoveries).toBe(1);
      // Fewer stalls than are known come from a holder that knew less.
      await store().fleet.settleStalls({ stalled: [{ runId: culprit.runId, stalls: 0 }], forgiven: [] });
      await store().fleet.releaseLeases({ runs });
      expect(await claim(scene, culprit.runId)).toMatchObject({ recoveries: 2, stalls: 1 });
    });

    test("an ended run is never due again, and its lease is over (R6)", async () => {
      const scene = await openScene(store());
      const { runId } = await start(scene);
      const held = await claim(scene, runId);
      // The store ends the lease by itself: an ended run has no holder.
      await store().fleet.commit(endOf(held, { lease: { kind: "keep" } }));
      expect(
        await store().fleet.renewLeases({ gatewayId: "gateway-a", leaseDurationMs: LEASE_MS, runs: [held] }),
      ).toEqual([]);
      await store().fleet.releaseLeases({ runs: [held] });
      await expect(claim(scene, runId)).rejects.toThrow("was not due");
      expect(await scene.tenant.findRun({ runId })).toMatchObject({
        status: "completed",
        output: "Done.",
        finishReason: "length",
        completedAt: new Date(TS).toISOString(),
      });
    });
  });
}
