import { v7 } from "uuid";
import { describe, expect, test } from "vitest";
import type { Generation } from "../../../src/ports/generation.ts";
import type { Store } from "../../../src/ports/store.ts";
import { claim, commitOf, delta, endOf, openScene, parkWithCall, start } from "./scene.ts";

/** `restart`: lets the server of the store start anew, as far as the store can tell. */
export function generationsOfStore(store: () => Store, restart: () => Promise<void>): void {
  const present = async (): Promise<Generation> =>
    (await store().fleet.recordHeartbeat({ gatewayId: `gateway ${v7()}`, stopping: false })).generation;
  const goBack = async (): Promise<Generation> =>
    store().fleet.judgeServer({ expected: (await present()).tag, wentBack: true });

  describe("generations", () => {
    test("what is said of a former generation is no news, so of many gateways that say it one begins a new one", async () => {
      const before = await present();
      const made = await Promise.all(
        Array.from({ length: 8 }, () => store().fleet.judgeServer({ expected: before.tag, wentBack: true })),
      );
      expect(new Set(made.map(({ tag }) => tag)).size).toBe(1);
      expect(made[0]?.tag).not.toBe(before.tag);
      expect(made[0]?.tag).toMatch(/^[0-9a-f]{8}$/);
      expect(await present()).toEqual(made[0]);
    });

    test("a judgement without a loss changes nothing", async () => {
      const before = await present();
      await restart();
      expect(await store().fleet.judgeServer({ expected: before.tag, wentBack: false })).toEqual(before);
    });

    test("a run's tail names the generation that it was read in", async () => {
      const scene = await openScene(store());
      const { runId } = await start(scene);
      const generation = await goBack();
      expect(await scene.tenant.readTail({ runId })).toEqual({
        status: "queued",
        lastSeq: 2,
        keptSeq: null,
        generation,
      });
    });

    test("a server that has started is judged before a run is claimed on it", async () => {
      const scene = await openScene(store());
      const { runId } = await start(scene);
      const { tag } = await present();
      await restart();
      await expect(claim(scene, runId)).rejects.toThrow("was not due");
      expect(await store().fleet.recordHeartbeat({ gatewayId: "gateway-a", stopping: false })).toMatchObject({
        isJudged: false,
      });
      await store().fleet.judgeServer({ expected: tag, wentBack: false });
      expect(await store().fleet.recordHeartbeat({ gatewayId: "gateway-a", stopping: false })).toMatchObject({
        isJudged: true,
      });
      await claim(scene, runId);
    });

    test("a generation that begins with the first judgement keeps what open runs have then; a later one keeps nothing", async () => {
      const scene = await openScene(store());
      const open = await parkWithCall(scene);
      const ended = await start(scene);
      const last = await claim(scene, ended.runId);
      await store().fleet.commit(endOf(last));
      const { tag } = await present();
      await restart();
      const second = await goBack();
      expect(second.formerTags).toContain(tag);
      expect(await scene.tenant.readTail({ runId: open.runId })).toMatchObject({ keptSeq: open.lastSeq });
      expect(await scene.tenant.readTail({ runId: ended.runId })).toMatchObject({ keptSeq: null });

      const third = await goBack();
      expect(third.formerTags).toEqual([]);
      expect(await scene.tenant.readTail({ runId: open.runId })).toMatchObject({ keptSeq: open.lastSeq });
    });

    test("what a run kept never grows, whatever it says between two losses", async () => {
      const scene = await openScene(store());
      const { runId } = await start(scene);
      await restart();
      await goBack();
      await store().fleet.commit(commitOf(await claim(scene, runId), ["run.started"]));
      await restart();
      await goBack();
      expect(await scene.tenant.readTail({ runId })).toMatchObject({ lastSeq: 3, keptSeq: 2 });
    });

    test("a holder whose committed facts are gone is told that the store is behind, and writes nothing", async () => {
      const scene = await openScene(store());
      const { runId } = await start(scene);
      const held = await claim(scene, runId);
      const lost = commitOf(held, ["run.waiting"], { afterSeq: held.lastSeq + 3 });
      expect(await store().fleet.commit(lost)).toEqual({ kind: "store_behind" });
      expect(await scene.tenant.readTail({ runId })).toMatchObject({ lastSeq: 2 });
    });

    test("an epoch that is given again after a loss lets no holder from before write", async () => {
      const scene = await openScene(store());
      const { runId } = await start(scene);
      const held = await claim(scene, runId, "gateway of now");
      const zombie = commitOf(held, ["run.started"], { gatewayId: "gateway from before" });
      expect(await store().fleet.commit(zombie)).toEqual({ kind: "fenced" });
      expect(await store().fleet.commit(commitOf(held, ["run.started"]))).toMatchObject({ kind: "committed" });
    });

    test("deltas of a step that was lost do not stand before another fact takes its place", async () => {
      const scene = await openScene(store());
      const { runId } = await start(scene);
      const { tenantId, epoch } = await claim(scene, runId);
      const rows = [
        { tenantId, runId, epoch, record: delta(9, 1) },
        { tenantId, runId, epoch, record: delta(2, 1) },
      ];
      await store().fleet.appendDeltas({ rows });
      const events = await scene.tenant.readEvents({ runId, after: { seq: 2, sub: 0 }, limit: 9, factsOnly: false });
      expect(events.map(({ seq, sub }) => `${seq}-${sub}`)).toEqual(["2-1"]);
    });
  });
}
