import { v7 } from "uuid";
import { describe, expect, test } from "vitest";
import { SEARCHED_RUNS_MAX } from "../../../src/ports/limits.ts";
import type { Store } from "../../../src/ports/store.ts";
import { AN_ACTOR } from "../../support/an-actor.ts";
import { callOf, claim, CONFIG, commitOf, connect, openScene, parkWithCall, type Scene, start } from "./scene.ts";

export function runFiltersOfStore(store: () => Store): void {
  type Asked = Partial<Parameters<Scene["tenant"]["listRuns"]>[0]>;
  function pageOf({ tenant }: Scene, asked: Asked) {
    const all = { limit: 10, cursor: undefined, status: undefined, agent: undefined };
    return tenant.listRuns({ ...all, threadId: undefined, subject: undefined, ...asked });
  }
  async function idsOf(scene: Scene, asked: Asked): Promise<string[]> {
    return (await pageOf(scene, asked)).data.map(({ id }) => id);
  }

  describe("the filters of a list of runs", () => {
    test("a version's runs are listed, and none of another version of the agent", async () => {
      const scene = await openScene(store());
      const first = await start(scene);
      const pushed = await scene.tenant.pushAgent({
        by: AN_ACTOR,
        name: "worker",
        description: null,
        version: null,
        config: CONFIG,
        configHash: "second",
        promote: true,
      });
      const second = await start(scene);
      expect(await idsOf(scene, { versionId: scene.versionId })).toEqual([first.runId]);
      expect(await idsOf(scene, { versionId: pushed.versionId, agent: "worker" })).toEqual([second.runId]);
      expect(await idsOf(scene, { versionId: pushed.versionId, status: "failed" })).toEqual([]);
      expect(await idsOf(scene, { versionId: v7() })).toEqual([]);
    });

    test("a device's runs are those with a call that it has been sent or has answered: each once, page by page", async () => {
      const scene = await openScene(store());
      const { tenant } = scene;
      await start(scene);
      const parked = await parkWithCall(scene);
      const { deviceId, sessionId } = await connect(scene, { deviceKey: "the-laptop" });
      const idle = await connect(scene, { deviceKey: "idle" });
      expect(await idsOf(scene, { device: "the-laptop" })).toEqual([]);
      await tenant.markSent({ callId: parked.call.callId, attempt: 1, sessionId });
      expect(await idsOf(scene, { device: "the-laptop" })).toEqual([parked.runId]);
      const runIds = [parked.runId];
      for (let nth = 0; nth < 3; nth += 1) {
        const { runId } = await start(scene);
        const held = await claim(scene, runId);
        const done = { status: "completed", deviceId, attempt: 1 } as const;
        const calls = [callOf(done), callOf(done)];
        await store().fleet.commit(commitOf(held, ["run.started", "tool.requested"], { calls }));
        runIds.unshift(runId);
      }
      expect(await idsOf(scene, { device: deviceId })).toEqual(runIds);
      const { data, nextCursor } = await pageOf(scene, { device: "the-laptop", limit: 3 });
      expect(data.map(({ id }) => id)).toEqual(runIds.slice(0, 3));
      expect(await idsOf(scene, { device: "the-laptop", limit: 3, cursor: nextCursor ?? "" })).toEqual([parked.runId]);
      expect(await idsOf(scene, { device: "the-laptop", status: "failed" })).toEqual([]);
      expect(await idsOf(scene, { device: "the-laptop", agent: "worker" })).toEqual(runIds);
      for (const device of [idle.deviceId, "idle", "nobody", v7()]) expect(await idsOf(scene, { device })).toEqual([]);
    });

    test("times bound a list from below with that time, and from above without it", async () => {
      const scene = await openScene(store());
      const at = (ms: number): string => v7({ msecs: ms, seq: 0 });
      const times = [1_000_000, 1_000_001, 1_000_002];
      const runIds: string[] = [];
      for (const ms of times) runIds.unshift((await start(scene, { runId: at(ms) })).runId);
      const [newest = "", middle = "", oldest = ""] = runIds;
      expect(await idsOf(scene, { since: 1_000_001 })).toEqual([newest, middle]);
      expect(await idsOf(scene, { until: 1_000_001 })).toEqual([oldest]);
      expect(await idsOf(scene, { since: 1_000_001, until: 1_000_002, agent: "worker" })).toEqual([middle]);
      expect(await idsOf(scene, { since: -5, until: Number.MAX_SAFE_INTEGER })).toEqual(runIds);
      const { nextCursor } = await pageOf(scene, { until: 1_000_002, limit: 1 });
      expect(await idsOf(scene, { until: 1_000_002, cursor: nextCursor ?? "" })).toEqual([oldest]);
      expect(await idsOf(scene, { since: 1_000_001, cursor: nextCursor ?? "" })).toEqual([]);
    });

    test("a text is found in names and values of metadata, whatever it is made of", async () => {
      const scene = await openScene(store());
      const order = await start(scene, { metadata: { Order: "A-17", note: 'say "hi" 50%_\\ \u0000 Ä' } });
      const other = await start(scene, { metadata: { order: "B-4" } });
      expect(await idsOf(scene, { metadataText: "a-17" })).toEqual([order.runId]);
      expect(await idsOf(scene, { metadataText: "ORDER" })).toEqual([other.runId, order.runId]);
      for (const metadataText of ['say "HI"', "50%_\\", "\u0000 Ä"])
        expect(await idsOf(scene, { metadataText })).toEqual([order.runId]);
      for (const metadataText of ["A_17", "%", "ä"])
        expect(await idsOf(scene, { metadataText, status: "failed" })).toEqual([]);
      expect(await idsOf(scene, { metadataText: "A_17" })).toEqual([]);
      expect(await idsOf(scene, { metadataText: "b-4", agent: "worker" })).toEqual([other.runId]);
      expect(await idsOf(scene, { metadataText: "b-4", agent: "nobody" })).toEqual([]);
    });

    test("a search looks at so many runs for a page, and its cursor goes on where it has ended (R9)", async () => {
      const scene = await openScene(store());
      const sought = await start(scene, { metadata: { order: "A-17" } });
      for (let nth = 0; nth < SEARCHED_RUNS_MAX; nth += 1) await start(scene);
      const first = await pageOf(scene, { metadataText: "a-17" });
      expect(first.data).toEqual([]);
      expect(first.nextCursor).not.toBeNull();
      const second = await pageOf(scene, { metadataText: "a-17", cursor: first.nextCursor ?? "" });
      expect([second.data.map(({ id }) => id), second.nextCursor]).toEqual([[sought.runId], null]);
      const latest = await start(scene, { metadata: { order: "A-17" } });
      const found = await pageOf(scene, { metadataText: "a-17", limit: 1 });
      expect(found.data.map(({ id }) => id)).toEqual([latest.runId]);
      expect(await idsOf(scene, { metadataText: "a-17", cursor: found.nextCursor ?? "" })).toEqual([sought.runId]);
    });
  });
}
