import { v7 } from "uuid";
import { describe, expect, test } from "vitest";
import type { Store } from "../../../src/ports/store.ts";
import { claim, claimAll, commitOf, endOf, NASTY, openScene, type Scene, start } from "./scene.ts";
import { AN_ACTOR } from "../../support/an-actor.ts";

export function threadsOfStore(store: () => Store): void {
  const due = async (scene: Scene) =>
    (await claimAll(store())).filter((run) => run.tenantId === scene.tenantId).map((run) => run.runId);

  describe("threads", () => {
    test("the same key finds the same thread, also by many at once, and a thread is found again by id or key", async () => {
      const { tenant } = await openScene(store());
      const key = `chat ${NASTY}`;
      const made = await Promise.all(
        Array.from({ length: 6 }, () =>
          tenant.createThread({ threadId: v7(), key, subject: null, metadata: { note: NASTY } }),
        ),
      );
      expect(made.filter((outcome) => outcome.created)).toHaveLength(1);
      const thread = made[0]?.thread;
      expect(made.every((outcome) => outcome.thread.id === thread?.id)).toBe(true);
      expect(await tenant.findThread({ idOrKey: key, subject: null })).toEqual(thread);
      // A Postgres text can hold neither a NUL nor half of a surrogate pair. Both become U+FFFD everywhere.
      expect(thread?.key).toBe(key.replaceAll("\u0000", "\ufffd").toWellFormed());
      expect(await tenant.findThread({ idOrKey: thread?.id ?? "", subject: null })).toEqual(thread);
      expect(thread?.metadata).toEqual({ note: NASTY });
      const nameless = await Promise.all(
        [1, 2].map(() => tenant.createThread({ threadId: v7(), key: null, subject: null, metadata: {} })),
      );
      expect(nameless.every((outcome) => outcome.created)).toBe(true);
      expect(await tenant.findThread({ idOrKey: v7(), subject: null })).toBeNull();
      expect(await tenant.findThread({ idOrKey: "\u0000", subject: null })).toBeNull();
    });

    test("runs of a thread take turns: the next is due when the one before has ended, and its end names it (R5)", async () => {
      const scene = await openScene(store());
      const runs = [
        await start(scene, { threadId: "t" }),
        await start(scene, { threadId: "t" }),
        await start(scene, { threadId: "t" }),
      ];
      const ids = runs.map((run) => run.runId);
      const [one, two, three] = ids;
      const first = await claim(scene, one ?? "");
      expect(await due(scene)).toEqual([]);
      const end = endOf(first);
      expect(await store().fleet.commit(end)).toEqual({ kind: "committed", wakes: [two] });
      expect(await store().fleet.commit(end)).toEqual({ kind: "committed", wakes: [two] });
      const second = await claim(scene, two ?? "");
      const loaded = await store().fleet.loadRun({
        tenantId: scene.tenantId,
        runId: second.runId,
        epoch: second.epoch,
      });
      expect(loaded?.earlierRunIds).toEqual([one]);
      expect(await store().fleet.commit(endOf(second))).toEqual({ kind: "committed", wakes: [three] });
      const third = await claim(scene, three ?? "");
      expect(
        (await store().fleet.loadRun({ tenantId: scene.tenantId, runId: third.runId, epoch: third.epoch }))
          ?.earlierRunIds,
      ).toEqual([one, two]);
      expect(await store().fleet.commit(endOf(third))).toEqual({ kind: "committed", wakes: [] });
      const fourth = await start(scene, { threadId: "t" });
      expect(await due(scene)).toEqual([fourth.runId]);
      const threadId = (await scene.tenant.findThread({ idOrKey: "t", subject: null }))?.id ?? "";
      const page = await scene.tenant.listThreadRuns({ threadId, limit: 3, cursor: undefined });
      expect(page.data).toEqual(ids.map((runId) => ({ runId, status: "completed" })));
      const rest = await scene.tenant.listThreadRuns({ threadId, limit: 3, cursor: page.nextCursor ?? undefined });
      expect(rest).toEqual({ data: [{ runId: fourth.runId, status: "queued" }], nextCursor: null });
      expect((await scene.tenant.listThreadRuns({ threadId, limit: 3, cursor: "x" })).data).toEqual([]);
    });

    test("a message to a run that waits for its turn does not advance it; a cancel reaches it at once", async () => {
      const scene = await openScene(store());
      const first = await start(scene, { threadId: "t" });
      const second = await start(scene, { threadId: "t" });
      const third = await start(scene, { threadId: "t" });
      const held = await claim(scene, first.runId);
      const message = { kind: "message" as const, message: { role: "user" as const, content: "x" } };
      const { tenant } = scene;
      expect(
        (await tenant.enqueueInput({ by: AN_ACTOR, runId: second.runId, input: message, dedupe: null })).kind,
      ).toBe("accepted");
      expect(await due(scene)).toEqual([]);
      const dedupe = { key: "cancel", bodyHash: "" };
      await tenant.enqueueInput({ by: AN_ACTOR, runId: second.runId, input: { kind: "cancel", reason: null }, dedupe });
      const canceled = await claim(scene, second.runId);
      const inbox = await store().fleet.readInbox({ runId: second.runId, epoch: canceled.epoch });
      expect(inbox?.inbox.count).toBe(2);
      const end = commitOf(canceled, ["run.started", "run.canceled"], {
        status: "canceled",
        consumed: inbox?.inbox.inputs.map((input) => input.inputId) ?? [],
        inboxMustBe: 2,
        lease: { kind: "release", wakeAt: null },
      });
      // The first still runs, so the turn of the third has not come.
      expect(await store().fleet.commit(end)).toEqual({ kind: "committed", wakes: [] });
      expect(await due(scene)).toEqual([]);
      expect(await store().fleet.commit(endOf(held))).toEqual({ kind: "committed", wakes: [third.runId] });
      expect(await due(scene)).toEqual([third.runId]);
    });

    test("twenty runs started at once on one thread go one after the other, in the order of their turns", async () => {
      const scene = await openScene(store());
      const started = await Promise.all(Array.from({ length: 20 }, () => start(scene, { threadId: "t" })));
      const order: string[] = [];
      for (let n = 0; n < started.length; n++) {
        const claimed = (await claimAll(store())).filter((run) => run.tenantId === scene.tenantId);
        expect(claimed).toHaveLength(1);
        for (const run of claimed) {
          order.push(run.runId);
          await store().fleet.commit(endOf(run));
        }
      }
      const threadId = (await scene.tenant.findThread({ idOrKey: "t", subject: null }))?.id ?? "";
      const listed = await scene.tenant.listThreadRuns({ threadId, limit: 50, cursor: undefined });
      expect(listed.data.map((run) => run.runId)).toEqual(order);
    });
  });
}
