import { v7 } from "uuid";
import { describe, expect, test } from "vitest";
import { openFamily } from "../../../test/contracts/store/children.ts";
import { openRaces } from "../../../test/contracts/store/races.ts";
import { claim, endOf, openScene, type Scene, start, startParams } from "../../../test/contracts/store/scene.ts";
import { missingServices } from "../../../test/services/services.ts";
import { AN_ACTOR } from "../../../test/support/an-actor.ts";
import { REMOVED_RUNS_PER_SWEEP_MAX } from "../../ports/limits.ts";

describe.skipIf(await missingServices("postgres"))("deleted threads on Postgres", () => {
  const races = openRaces();
  const LOCK_THREAD = "select from threads where tenant_id = $1 for update";
  const sweep = () => races.store.fleet.sweep({ gatewayTimeoutMs: 60_000 });
  const age = (threadId: string) =>
    races.locks.read("update threads set deleted_at = now() - interval '1 hour' where id = $1", [threadId]);
  const idOf = async ({ tenant }: Scene, key: string) =>
    (await tenant.findThread({ idOrKey: key, subject: null }))?.id ?? "";

  async function ended(scene: Scene, threadId: string): Promise<string> {
    const claimed = await claim(scene, (await start(scene, { threadId })).runId);
    await races.store.fleet.commit(endOf(claimed));
    return claimed.runId;
  }

  async function deleted(scene: Scene, threadId: string): Promise<void> {
    await scene.tenant.deleteThread({ by: AN_ACTOR, threadId });
    await age(threadId);
  }

  test("it is removed with all of its runs, a bounded number at a time, and leaves no bytes behind", async () => {
    const scene = await openScene(races.store);
    await ended(scene, "other");
    const before = (await scene.tenant.readUsage()).used;
    const runIds: string[] = [];
    for (let nth = 0; nth < REMOVED_RUNS_PER_SWEEP_MAX + 1; nth += 1) runIds.push(await ended(scene, "t"));
    const threadId = await idOf(scene, "t");
    await scene.tenant.deleteThread({ by: AN_ACTOR, threadId });
    const bytesOfAudit = (await scene.tenant.readUsage()).used.storedBytes;
    await sweep();
    // Too young.
    expect(await scene.tenant.findRun({ runId: runIds[0] ?? "" })).not.toBeNull();
    await age(threadId);
    await sweep();
    const left = await Promise.all(runIds.map((runId) => scene.tenant.findRun({ runId })));
    expect(left.filter((run) => run !== null)).toHaveLength(1);
    await sweep();
    expect(await races.locks.read("select id from threads where id = $1", [threadId])).toEqual([]);
    for (const table of ["runs", "run_events", "run_inputs"]) {
      const column = table === "runs" ? "id" : "run_id";
      expect(await races.locks.read(`select ${column} from ${table} where ${column} = any($1)`, [runIds])).toEqual([]);
    }
    const after = (await scene.tenant.readUsage()).used;
    expect(after.threads).toBe(before.threads);
    expect(bytesOfAudit).toBeGreaterThan(after.storedBytes);
    expect(await scene.tenant.findThread({ idOrKey: "other", subject: null })).not.toBeNull();
  });

  test("it waits for its open runs, and for every thread that goes on from it, deleted or not", async () => {
    const scene = await openScene(races.store);
    const runId = await ended(scene, "t");
    const first = await idOf(scene, "t");
    const open = await start(scene, { threadId: "t" });
    const branch = { threadId: v7(), runId, key: null, subject: null, title: null, metadata: {} };
    await scene.tenant.branchThread(branch);
    await deleted(scene, first);
    await sweep();
    const canceled = await claim(scene, open.runId);
    await races.store.fleet.commit(endOf(canceled, { status: "canceled" }));
    await sweep();
    expect(await scene.tenant.findRun({ runId })).not.toBeNull();
    await deleted(scene, branch.threadId);
    // The branch goes first, and then what it went on from.
    for (let nth = 0; nth < 2; nth += 1) await sweep();
    expect(await races.locks.read("select id from threads where id = any($1)", [[first, branch.threadId]])).toEqual([]);
    expect(await scene.tenant.findRun({ runId })).toBeNull();
  });

  test("it is removed with the children of its runs, once these have ended too", async () => {
    const { scene, parent, childId, lastSeq } = await openFamily(races.store, { threadId: "t" });
    const child = await claim(scene, childId);
    await races.store.fleet.commit(endOf({ ...parent, lastSeq }));
    await deleted(scene, await idOf(scene, "t"));
    await sweep();
    expect(await scene.tenant.findRun({ runId: parent.runId })).not.toBeNull();
    await races.store.fleet.commit(endOf(child, { status: "canceled" }));
    await sweep();
    for (const runId of [parent.runId, childId]) {
      expect(await scene.tenant.findRun({ runId })).toBeNull();
      expect(await races.locks.read("select run_id from run_events where run_id = $1", [runId])).toEqual([]);
    }
  });

  test("a start waits at the thread while it is deleted: it finds no thread, and makes no run", async () => {
    const { scene, runId } = await races.heldRun("t");
    const threadId = await idOf(scene, "t");
    await races.locks.hold(LOCK_THREAD, [scene.tenantId]);
    const [told, begun] = await races.locks.inOrder(
      () => scene.tenant.deleteThread({ by: AN_ACTOR, threadId }),
      () => scene.tenant.startRun(startParams({ threadId })),
    );
    expect(told).toEqual([runId]);
    expect(begun).toEqual({ kind: "thread_not_found" });
    expect(await races.locks.read("select id from runs where tenant_id = $1", [scene.tenantId])).toHaveLength(1);
  });

  test("a deletion waits at the thread while a run starts on it: that one is canceled, too", async () => {
    const { scene, runId } = await races.heldRun("t");
    const threadId = await idOf(scene, "t");
    await races.locks.hold(LOCK_THREAD, [scene.tenantId]);
    const [begun, told] = await races.locks.inOrder(
      () => start(scene, { threadId }),
      () => scene.tenant.deleteThread({ by: AN_ACTOR, threadId }),
    );
    expect(told?.toSorted()).toEqual([runId, begun.runId].toSorted());
  });
});
