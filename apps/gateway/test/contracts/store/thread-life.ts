import { v7 } from "uuid";
import { describe, expect, test } from "vitest";
import type { ClaimedRun } from "../../../src/ports/fleet-store.ts";
import { THREAD_ANCESTORS_MAX } from "../../../src/ports/limits.ts";
import type { Store } from "../../../src/ports/store.ts";
import { AN_ACTOR } from "../../support/an-actor.ts";
import { claim, claimAll, endOf, factsOf, openScene, type Scene, start, startParams } from "./scene.ts";

export function threadLifeOfStore(store: () => Store): void {
  const threadOf = async ({ tenant }: Scene, idOrKey: string) => tenant.findThread({ idOrKey, subject: null });
  const idOf = async (scene: Scene, key: string): Promise<string> => (await threadOf(scene, key))?.id ?? "";

  /** Starts a run on the thread and ends it. */
  async function ended(scene: Scene, threadId: string): Promise<string> {
    const claimed = await claim(scene, (await start(scene, { threadId })).runId);
    await store().fleet.commit(endOf(claimed));
    return claimed.runId;
  }

  const branch = ({ tenant }: Scene, runId: string, more: { readonly key?: string; readonly title?: string } = {}) =>
    tenant.branchThread({ threadId: v7(), runId, key: null, subject: null, title: null, metadata: {}, ...more });

  async function branched(scene: Scene, runId: string): Promise<string> {
    const outcome = await branch(scene, runId);
    if (outcome.kind !== "thread") throw new Error(`no branch: ${outcome.kind}`);
    return outcome.thread.id;
  }

  async function runsOf({ tenant }: Scene, threadId: string): Promise<string[]> {
    const ids: string[] = [];
    for (let cursor: string | undefined; ; ) {
      const page = await tenant.listThreadRuns({ threadId, limit: 2, cursor });
      ids.push(...page.data.map(({ runId }) => runId));
      if (page.nextCursor === null) return ids;
      cursor = page.nextCursor;
    }
  }

  const historyOf = async ({ tenantId, runId, epoch }: ClaimedRun) =>
    (await store().fleet.loadRun({ tenantId, runId, epoch }))?.earlierRunIds;

  describe("the life of a thread", () => {
    test("a title is given, kept, replaced and taken away", async () => {
      const scene = await openScene(store());
      const { tenant } = scene;
      const threadId = v7();
      const made = await tenant.createThread({ threadId, key: "t", subject: null, title: "One", metadata: {} });
      expect(made.thread).toMatchObject({ title: "One", branchedFrom: null });
      expect(await tenant.renameThread({ threadId, title: "Two" })).toMatchObject({ id: threadId, title: "Two" });
      expect(await threadOf(scene, "t")).toMatchObject({ title: "Two" });
      expect((await tenant.listThreads({ limit: 5, cursor: undefined, subject: null })).data[0]?.title).toBe("Two");
      expect(await tenant.renameThread({ threadId, title: null })).toMatchObject({ title: null });
      expect(await tenant.renameThread({ threadId: v7(), title: "x" })).toBeNull();
    });

    test("what a branch has inherited is told from the newest of it, in the order of the turns", async () => {
      const scene = await openScene(store());
      const { tenant } = scene;
      const first = [await ended(scene, "a"), await ended(scene, "a")];
      await ended(scene, "a");
      const branchId = await branched(scene, first[1] ?? "");
      const second = [await ended(scene, branchId)];
      const further = await branched(scene, second[0] ?? "");
      await ended(scene, further);
      const inherited = (threadId: string, limit: number) => tenant.listInheritedRuns({ threadId, limit });
      expect(await inherited(further, 9)).toEqual([...first, ...second]);
      expect(await inherited(further, 2)).toEqual([first[1], ...second]);
      expect(await inherited(branchId, 9)).toEqual(first);
      expect(await inherited(await idOf(scene, "a"), 9)).toEqual([]);
      expect(await inherited(v7(), 9)).toEqual([]);
    });

    test("a deleted thread is found by nobody, its runs are canceled at once, and its key names another one", async () => {
      const scene = await openScene(store());
      const { tenant } = scene;
      const first = await start(scene, { threadId: "t" });
      const second = await start(scene, { threadId: "t" });
      const threadId = await idOf(scene, "t");
      const held = await claim(scene, first.runId);
      const told = await tenant.deleteThread({ by: AN_ACTOR, threadId });
      expect(told?.toSorted()).toEqual([first.runId, second.runId].toSorted());
      const inbox = (await store().fleet.readInbox({ runId: first.runId, epoch: held.epoch }))?.inbox;
      expect(inbox?.inputs.map(({ input }) => input)).toEqual([{ kind: "cancel", reason: "its thread was deleted" }]);
      expect((await claimAll(store())).map(({ runId }) => runId)).toContain(second.runId);
      for (const idOrKey of [threadId, "t"]) expect(await threadOf(scene, idOrKey)).toBeNull();
      expect((await tenant.listThreads({ limit: 5, cursor: undefined, subject: undefined })).data).toEqual([]);
      expect(await tenant.renameThread({ threadId, title: "x" })).toBeNull();
      expect(await tenant.deleteThread({ by: AN_ACTOR, threadId })).toBeNull();
      for (const policy of ["queue", "reject", "interrupt", "steer"] as const)
        expect(await tenant.startRun(startParams({ threadId, policy }))).toEqual({ kind: "thread_not_found" });
      expect(await store().fleet.readNewestRuns({ threadIds: [threadId] })).toEqual(new Map());
      // Its runs are there until they are removed, so that watchers hear of their ends.
      expect(await tenant.findRun({ runId: first.runId })).toMatchObject({ status: "queued", threadId });
      const again = await start(scene, { threadId: "t" });
      expect(await idOf(scene, "t")).not.toBe(threadId);
      expect((await claimAll(store())).map(({ runId }) => runId)).toContain(again.runId);
    });

    test("starts and a deletion at once: each run was canceled with the thread, or has none to start on", async () => {
      const scene = await openScene(store());
      await start(scene, { threadId: "t" });
      const threadId = await idOf(scene, "t");
      const [told, ...outcomes] = await Promise.all([
        scene.tenant.deleteThread({ by: AN_ACTOR, threadId }),
        ...Array.from({ length: 8 }, () => scene.tenant.startRun(startParams({ threadId }))),
      ]);
      const made = outcomes.flatMap((outcome) => (outcome.kind === "started" ? [outcome.runId] : []));
      for (const runId of made) expect(told).toContain(runId);
      for (const { kind } of outcomes) expect(["started", "thread_not_found"]).toContain(kind);
      expect(await scene.tenant.startRun(startParams({ threadId }))).toEqual({ kind: "thread_not_found" });
    });

    test("a branch sees what was said up to the end of its run, and nothing that either thread says later", async () => {
      const scene = await openScene(store());
      const [one, two, three] = [await ended(scene, "t"), await ended(scene, "t"), await ended(scene, "t")];
      const before = await factsOf(scene, two);
      const outcome = await branch(scene, two, { key: "b", title: "Other way" });
      const origin = await idOf(scene, "t");
      expect(outcome).toMatchObject({
        kind: "thread",
        created: true,
        thread: { key: "b", title: "Other way", branchedFrom: { threadId: origin, runId: two } },
      });
      const threadId = await idOf(scene, "b");
      expect(await runsOf(scene, threadId)).toEqual([one, two]);
      const own = await claim(scene, (await start(scene, { threadId })).runId);
      expect(await historyOf(own)).toEqual([one, two]);
      await store().fleet.commit(endOf(own));
      const four = await ended(scene, "t");
      expect(await runsOf(scene, origin)).toEqual([one, two, three, four]);
      expect(await runsOf(scene, threadId)).toEqual([one, two, own.runId]);
      const next = await claim(scene, (await start(scene, { threadId })).runId);
      expect(await historyOf(next)).toEqual([one, two, own.runId]);
      expect(await factsOf(scene, two)).toEqual(before);
      const inOrigin = await claim(scene, (await start(scene, { threadId: "t" })).runId);
      expect(await historyOf(inOrigin)).toEqual([one, two, three, four]);
      // A branch of the branch, from a run that it has from the first thread and from one of its own.
      expect(await runsOf(scene, await branched(scene, one))).toEqual([one]);
      expect(await runsOf(scene, await branched(scene, own.runId))).toEqual([one, two, own.runId]);
    });

    test("a branch is made once for its key, and from nothing but a run that has ended on a thread", async () => {
      const scene = await openScene(store());
      const one = await ended(scene, "t");
      const made = await branch(scene, one, { key: "b" });
      expect(made).toMatchObject({ kind: "thread", created: true });
      expect(await branch(scene, one, { key: "b" })).toEqual({ ...made, created: false });
      expect(await branch(scene, one, { key: "t" })).toEqual({ kind: "key_taken" });
      const open = await start(scene, { threadId: "t" });
      expect(await branch(scene, open.runId)).toEqual({ kind: "not_ended", status: "queued" });
      expect(await branch(scene, v7())).toEqual({ kind: "not_found" });
      const alone = await claim(scene, (await start(scene)).runId);
      await store().fleet.commit(endOf(alone));
      expect(await branch(scene, alone.runId)).toEqual({ kind: "not_found" });
      let runId = one;
      for (let depth = 1; depth <= THREAD_ANCESTORS_MAX; depth += 1)
        runId = await ended(scene, await branched(scene, runId));
      expect(await branch(scene, runId)).toEqual({ kind: "too_deep" });
      await scene.tenant.deleteThread({ by: AN_ACTOR, threadId: await idOf(scene, "t") });
      expect(await branch(scene, one)).toEqual({ kind: "not_found" });
    });

    test("a branch outlives the thread that it goes on from", async () => {
      const scene = await openScene(store());
      const one = await ended(scene, "t");
      const threadId = await branched(scene, one);
      await scene.tenant.deleteThread({ by: AN_ACTOR, threadId: await idOf(scene, "t") });
      await store().fleet.sweep({ gatewayTimeoutMs: 60_000 });
      expect(await runsOf(scene, threadId)).toEqual([one]);
      const own = await claim(scene, (await start(scene, { threadId })).runId);
      expect(await historyOf(own)).toEqual([one]);
      expect(await factsOf(scene, one)).toHaveLength(3);
    });
  });
}
