import { type Fact, START } from "@hsafa/protocol";
import { v7 } from "uuid";
import { describe, expect, test } from "vitest";
import { parseFact } from "../../../src/core/event-record.ts";
import { THREAD_ANCESTORS_MAX } from "../../../src/ports/limits.ts";
import type { Store } from "../../../src/ports/store.ts";
import type { ForkOfRun } from "../../../src/ports/tenant-store.ts";
import { AN_ACTOR } from "../../support/an-actor.ts";
import { claim, endOf, NASTY, openScene, type Scene, start, startParams } from "./scene.ts";

/** A step that a fork takes over, with one call. */
const TURNS: readonly Fact[] = [
  { type: "message.user", data: { message: { role: "user", content: NASTY } } },
  { type: "step.reused", data: { step: 1, from: "4-0", messages: [{ role: "assistant", content: "Look." }] } },
  { type: "tool.reused", data: { callId: v7(), toolName: "look", result: NASTY } },
];

export function forksOfStore(store: () => Store): void {
  const forkOf = (runId: string, threadId: string | null, turns = TURNS): ForkOfRun => ({
    from: { runId, position: "5-0" },
    turns,
    threadId,
  });

  /** Starts a run on the thread of this key and ends it. */
  async function ended(scene: Scene, threadId: string | undefined): Promise<string> {
    const claimed = await claim(scene, (await start(scene, { threadId })).runId);
    await store().fleet.commit(endOf(claimed));
    return claimed.runId;
  }

  const threadOf = async ({ tenant }: Scene, idOrKey: string) => tenant.findThread({ idOrKey, subject: null });

  describe("forking a run", () => {
    test("one commit makes the fork with what it takes over before what is said, and tells its origin", async () => {
      const scene = await openScene(store());
      const origin = await ended(scene, undefined);
      const { runId } = await start(scene, { fork: forkOf(origin, null), earlier: [], metadata: { a: 1 } });
      const facts = await scene.tenant.readEvents({ runId, after: START, limit: 10, factsOnly: true });
      expect(facts.map(({ seq, prev }) => [seq, prev?.seq])).toEqual([1, 2, 3, 4, 5].map((seq) => [seq, seq - 1]));
      const forkedFrom = { runId: origin, position: "5-0" };
      expect(facts.map(parseFact)).toMatchObject([
        { type: "run.created", data: { forkedFrom, threadId: null } },
        ...TURNS,
        { type: "message.user", data: { message: { content: "Go." } } },
      ]);
      expect(await scene.tenant.findRun({ runId })).toMatchObject({ forkedFrom, threadId: null, position: "5-0" });
      expect(await scene.tenant.findRun({ runId: origin })).toMatchObject({ forkedFrom: null });
      expect(await claim(scene, runId)).toMatchObject({ lastSeq: 5, epoch: 1 });
    });

    test("the forks of a run are listed, newest first, and no others", async () => {
      const scene = await openScene(store());
      const [origin, other] = [await ended(scene, undefined), await ended(scene, undefined)];
      const made = [];
      for (const from of [origin, other, origin]) made.push((await start(scene, { fork: forkOf(from, null) })).runId);
      const all = { status: undefined, agent: undefined, threadId: undefined, subject: undefined, cursor: undefined };
      const page = await scene.tenant.listRuns({ ...all, limit: 10, forkedFrom: origin });
      expect(page.data.map(({ id }) => id)).toEqual([made[2], made[0]]);
    });

    test("a fork of a run on a thread goes on from before the turn of that run, on a thread of its own", async () => {
      const scene = await openScene(store());
      const first = await ended(scene, "t");
      const second = await ended(scene, "t");
      const third = await start(scene, { threadId: "t" });
      const trunk = await threadOf(scene, "t");
      const threadId = v7();
      const { runId } = await start(scene, { fork: forkOf(second, threadId) });
      expect(await threadOf(scene, threadId)).toMatchObject({
        key: null,
        branchedFrom: { threadId: trunk?.id, runId: second },
      });
      const { tenantId, epoch } = await claim(scene, runId);
      expect((await store().fleet.loadRun({ tenantId, runId, epoch }))?.earlierRunIds).toEqual([first]);
      const runs = await scene.tenant.listThreadRuns({ threadId, limit: 10, cursor: undefined });
      expect(runs.data.map((run) => run.runId)).toEqual([first, runId]);
      // The next start there takes its turn after it, and the trunk goes on as before.
      const next = await start(scene, { threadId });
      const others = await scene.tenant.listThreadRuns({ threadId: trunk?.id ?? "", limit: 10, cursor: undefined });
      expect(others.data.map((run) => run.runId)).toEqual([first, second, third.runId]);
      expect((await scene.tenant.readUsage()).used.threads).toBe(2);
      expect(await scene.tenant.findRun({ runId: next.runId })).toMatchObject({ threadId, forkedFrom: null });
    });

    test("the first run of a thread is forked, too, and its fork sees nothing of it", async () => {
      const scene = await openScene(store());
      const origin = await ended(scene, "t");
      const { runId } = await start(scene, { fork: forkOf(origin, v7()) });
      const { tenantId, epoch } = await claim(scene, runId);
      expect((await store().fleet.loadRun({ tenantId, runId, epoch }))?.earlierRunIds).toEqual([]);
    });

    test("a request that is sent twenty times at once makes one fork with one thread", async () => {
      const scene = await openScene(store());
      const origin = await ended(scene, "t");
      const idempotency = { key: "a fork", owner: "key", orUnowned: true, bodyHash: "a" };
      const outcomes = await Promise.all(
        Array.from({ length: 20 }, () => start(scene, { idempotency, fork: forkOf(origin, v7()) })),
      );
      expect(outcomes.filter(({ created }) => created)).toHaveLength(1);
      expect(new Set(outcomes.map(({ runId }) => runId)).size).toBe(1);
      expect((await scene.tenant.listThreads({ limit: 10, cursor: undefined, subject: null })).data).toHaveLength(2);
    });

    test("a start is found by its idempotency key, for its owner alone, and also once its origin is gone", async () => {
      const scene = await openScene(store());
      const origin = await ended(scene, "t");
      const idempotency = { key: "a fork", owner: "key", orUnowned: false, bodyHash: "a" };
      const { runId } = await start(scene, { idempotency, fork: forkOf(origin, v7()) });
      const { id: threadId = "" } = (await threadOf(scene, "t")) ?? {};
      await scene.tenant.deleteThread({ threadId, by: AN_ACTOR });
      const found = { runId, status: "queued", bodyHash: "a" };
      expect(await scene.tenant.findStart(idempotency)).toEqual(found);
      expect(await scene.tenant.findStart({ ...idempotency, orUnowned: true })).toEqual(found);
      expect(await scene.tenant.findStart({ ...idempotency, owner: "another" })).toBeNull();
      expect(await scene.tenant.findStart({ ...idempotency, key: "another" })).toBeNull();
    });

    test("nothing is made of a fork of a deleted thread, of one with too many before it, or of a run that is refused", async () => {
      const scene = await openScene(store());
      const { tenant } = scene;
      const origin = await ended(scene, "t");
      const refused = await tenant.startRun(
        startParams({ fork: forkOf(origin, v7()), admit: () => [{ path: "agent", message: "no" }] }),
      );
      expect(refused.kind).toBe("not_admitted");
      let deepest = origin;
      for (let depth = 0; depth < THREAD_ANCESTORS_MAX; depth += 1)
        deepest = (await start(scene, { fork: forkOf(deepest, v7(), []) })).runId;
      expect(await tenant.startRun(startParams({ fork: forkOf(deepest, v7()) }))).toEqual({ kind: "too_deep" });
      const threadId = (await threadOf(scene, "t"))?.id ?? "";
      await tenant.deleteThread({ by: AN_ACTOR, threadId });
      const before = await tenant.listThreads({ limit: 200, cursor: undefined, subject: null });
      const late = startParams({ fork: forkOf(origin, v7()) });
      expect(await tenant.startRun(late)).toEqual({ kind: "origin_not_found" });
      expect(await tenant.startRun(startParams({ fork: forkOf(v7(), v7()) }))).toEqual({ kind: "origin_not_found" });
      expect(await tenant.findRun({ runId: late.runId })).toBeNull();
      const after = await tenant.listThreads({ limit: 200, cursor: undefined, subject: null });
      expect(after.data).toHaveLength(before.data.length);
    });

    test("deletions and forks of one thread at once: each fork has its thread, or was not made", async () => {
      const scene = await openScene(store());
      const { tenant } = scene;
      const origin = await ended(scene, "t");
      const threadId = (await threadOf(scene, "t"))?.id ?? "";
      const made = Array.from({ length: 8 }, () => startParams({ fork: forkOf(origin, v7()) }));
      const [, ...outcomes] = await Promise.all([
        tenant.deleteThread({ by: AN_ACTOR, threadId }),
        ...made.map((params) => tenant.startRun(params)),
      ]);
      for (const [index, outcome] of outcomes.entries()) {
        const run = await tenant.findRun({ runId: made[index]?.runId ?? "" });
        const thread = await threadOf(scene, made[index]?.fork?.threadId ?? "");
        expect([run !== null, thread !== null]).toEqual(outcome.kind === "started" ? [true, true] : [false, false]);
      }
    });
  });
}
