import { describe, expect, test } from "vitest";
import { childCall, openFamily, toldBy } from "../../../test/contracts/store/children.ts";
import { LOCK_RUN, openRaces } from "../../../test/contracts/store/races.ts";
import { claim, endOf, TS } from "../../../test/contracts/store/scene.ts";
import { missingServices } from "../../../test/services/services.ts";

describe.skipIf(await missingServices("postgres"))("races of parents and children on Postgres", () => {
  const races = openRaces();

  /** A parent and its child that both are about to end, each as if nothing waited for it. */
  async function endings() {
    const { scene, parent, childId, lastSeq } = await openFamily(races.store);
    const child = await claim(scene, childId);
    const settled = childCall({ callId: childId, status: "failed", settledAt: TS });
    const commit = (params: Parameters<typeof races.store.fleet.commit>[0]) => races.store.fleet.commit(params);
    return {
      parentId: parent.runId,
      childId,
      endParent: () => commit(endOf({ ...parent, lastSeq }, { calls: [settled], inboxMustBe: 0 })),
      endChild: () => commit(endOf(child, { tellsParent: toldBy(childId, parent.runId), inboxMustBe: 0 })),
      statusOf: async (runId: string) => (await scene.tenant.findRun({ runId }))?.status,
    };
  }

  test("a child that ends first is in its parent's inbox, so the parent's end is decided again", async () => {
    const { childId, parentId, endChild, endParent, statusOf } = await endings();
    await races.locks.hold(LOCK_RUN, [childId]);
    const [child, parent] = await races.locks.inOrder(endChild, endParent);
    expect([child.kind, parent.kind]).toEqual(["committed", "inputs_waiting"]);
    expect([await statusOf(childId), await statusOf(parentId)]).toEqual(["completed", "running"]);
    expect(await races.inboxOf(parentId)).toEqual({ inbox: 1, waiting: 1 });
  });

  test("a parent that ends first has canceled its child, so the child's end is decided again", async () => {
    const { childId, parentId, endChild, endParent, statusOf } = await endings();
    await races.locks.hold(LOCK_RUN, [childId]);
    const [parent, child] = await races.locks.inOrder(endParent, endChild);
    expect([parent.kind, child.kind]).toEqual(["committed", "inputs_waiting"]);
    expect([await statusOf(childId), await statusOf(parentId)]).toEqual(["queued", "completed"]);
    expect(await races.inboxOf(childId)).toEqual({ inbox: 1, waiting: 1 });
  });

  test("a child that waits for its parent's row, and a parent that waits for its child's, are no deadlock", async () => {
    const { childId, parentId, endChild, endParent } = await endings();
    await races.locks.hold(LOCK_RUN, [parentId]);
    const [child, parent] = await races.locks.inOrder(endChild, endParent);
    expect([child.kind, parent.kind]).toEqual(["committed", "inputs_waiting"]);
    expect(await races.inboxOf(childId)).toEqual({ inbox: 0, waiting: 0 });
  });

  test("many parents and children that end at once leave no child that nobody canceled, and no end untold", async () => {
    const families = [];
    for (let nth = 0; nth < 8; nth++) families.push(await endings());
    const ends = await Promise.all(
      families.flatMap(({ endParent, endChild }, nth) =>
        nth % 2 === 0 ? [endParent(), endChild()] : [endChild(), endParent()],
      ),
    );
    expect(ends.filter(({ kind }) => kind === "committed")).toHaveLength(8);
    for (const { parentId, childId } of families) {
      const waiting = [await races.inboxOf(parentId), await races.inboxOf(childId)];
      expect(waiting.reduce((sum, inbox) => sum + (inbox?.waiting ?? 0), 0)).toBe(1);
    }
  });
});
