import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { type Link, openLink } from "../../../test/chaos/link.ts";
import { type LockHolder, openLockHolder } from "../../../test/contracts/store/lock-holder.ts";
import { claim, commitOf, LEASE_MS, openScene, start } from "../../../test/contracts/store/scene.ts";
import { type FreshDatabase, freshDatabase, missingServices } from "../../../test/services/services.ts";
import { STORE_PULSE_TIMEOUT_MS } from "./limits.ts";
import { type Store, StoreUnavailable } from "../../ports/store.ts";
import { openPostgresStore } from "./open-postgres-store.ts";

describe.skipIf(await missingServices("postgres"))("a connection that breaks", () => {
  let database: FreshDatabase;
  let link: Link;
  let port: number;
  let store: Store;
  let locks: LockHolder;
  beforeAll(async () => {
    database = await freshDatabase();
    const url = new URL(database.url);
    port = Number(url.port || 5432);
    link = await openLink([port, null]);
    url.port = String(link.port);
    store = await openPostgresStore({ url: url.href, poolSize: 1 });
    locks = await openLockHolder(database.url);
  });
  afterAll(async () => {
    await locks.undo();
    await locks.close();
    await store.close();
    await link.close();
    await database.drop();
  });

  // Vitest fails for an uncaught error. A gateway would end, whenever Postgres restarts.
  test("a connection that breaks in the middle of a statement fails that statement, and nothing else", async () => {
    const scene = await openScene(store);
    const { runId } = await start(scene);
    await locks.hold("select from runs where id = $1 for update", [runId]);
    const message = { kind: "message" as const, message: { role: "user" as const, content: "x" } };
    const sent = scene.tenant.enqueueInput({ runId, input: message, dedupe: null }).catch((error: unknown) => error);
    await locks.waiting(1);
    link.set(0, { kind: "cut" });
    expect(await sent).toBeInstanceOf(StoreUnavailable);
    link.set(0, { kind: "pass" });
    await locks.undo();
    expect(await scene.tenant.findRun({ runId })).toMatchObject({ id: runId });
  });

  test("a connection breaks at COMMIT, so that its outcome is unknown: the same commit again finds itself written, and nothing is there twice", async () => {
    const scene = await openScene(store);
    const { runId } = await start(scene);
    const held = await claim(scene, runId);
    const commit = commitOf(held, ["run.started", "step.started"]);
    // The statement waits for a lock when its connection breaks. The server goes on with it.
    await locks.hold("select from runs where id = $1 for update", [runId]);
    const sent = store.fleet.commit(commit).catch((error: unknown) => error);
    await locks.waiting(1);
    link.set(0, { kind: "cut" });
    expect(await sent).toBeInstanceOf(StoreUnavailable);
    link.set(0, { kind: "pass" });
    await locks.undo();
    const count = () => locks.read("select from run_events where run_id = $1", [runId]);
    await vi.waitFor(async () => expect(await count()).toHaveLength(held.lastSeq + 2));
    expect((await store.fleet.commit(commit)).kind).toBe("committed");
    expect(await count()).toHaveLength(held.lastSeq + 2);
    // Another epoch's commit is refused all the same.
    expect((await store.fleet.commit({ ...commit, epoch: commit.epoch - 1 })).kind).toBe("fenced");
  });

  test("renewals do not wait until the lease is over for a connection that fell silent, but take another", async () => {
    const scene = await openScene(store);
    const { runId } = await start(scene);
    const { epoch } = await claim(scene, runId);
    const renew = () =>
      store.fleet.renewLeases({ gatewayId: "gateway-a", leaseDurationMs: LEASE_MS, runs: [{ runId, epoch }] });
    expect(await renew()).toHaveLength(1);
    // What is connected hears no more. New connections get through.
    link.retarget(1, port);
    link.retarget(0, null);
    link.set(0, { kind: "hang" });
    await expect(renew()).rejects.toBeInstanceOf(StoreUnavailable);
    expect(await renew()).toHaveLength(1);
    expect(STORE_PULSE_TIMEOUT_MS).toBeLessThanOrEqual(6000 / 3);
  });
});
