import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { type Link, openLink } from "../../../test/chaos/link.ts";
import { type Holder, openHolder } from "../../../test/contracts/store/interleaving.ts";
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
  let holder: Holder;
  beforeAll(async () => {
    database = await freshDatabase();
    const url = new URL(database.url);
    port = Number(url.port || 5432);
    link = await openLink([port, null]);
    url.port = String(link.port);
    store = await openPostgresStore({ url: url.href, poolSize: 1 });
    holder = await openHolder(database.url);
  });
  afterAll(async () => {
    await holder.undo();
    await holder.close();
    await store.close();
    await link.close();
    await database.drop();
  });

  // Vitest fails for an error that nobody catches, and so would a gateway: it would end whenever Postgres restarts.
  test("in the middle of a statement: the statement has failed, and nothing else has", async () => {
    const scene = await openScene(store);
    const { runId } = await start(scene);
    await holder.hold("select from runs where id = $1 for update", [runId]);
    const message = { kind: "message" as const, message: { role: "user" as const, content: "x" } };
    const sent = scene.tenant.enqueueInput({ runId, input: message, dedupe: null }).catch((error: unknown) => error);
    await holder.waiting(1);
    link.set(0, { kind: "cut" });
    expect(await sent).toBeInstanceOf(StoreUnavailable);
    link.set(0, { kind: "pass" });
    await holder.undo();
    expect(await scene.tenant.findRun({ runId })).toMatchObject({ id: runId });
  });

  test("at COMMIT, so that nobody knows whether it was written: the same commit again finds that it was, and nothing is there twice", async () => {
    const scene = await openScene(store);
    const { runId } = await start(scene);
    const held = await claim(scene, runId);
    const commit = commitOf(held, ["run.started", "step.started"]);
    // It waits for a lock when its connection breaks; the server goes on with what it was told.
    await holder.hold("select from runs where id = $1 for update", [runId]);
    const sent = store.fleet.commit(commit).catch((error: unknown) => error);
    await holder.waiting(1);
    link.set(0, { kind: "cut" });
    expect(await sent).toBeInstanceOf(StoreUnavailable);
    link.set(0, { kind: "pass" });
    await holder.undo();
    const count = () => holder.read("select from run_events where run_id = $1", [runId]);
    await vi.waitFor(async () => expect(await count()).toHaveLength(held.lastSeq + 2));
    expect((await store.fleet.commit(commit)).kind).toBe("committed");
    expect(await count()).toHaveLength(held.lastSeq + 2);
    // And it is no free pass for anybody else's.
    expect((await store.fleet.commit({ ...commit, epoch: commit.epoch - 1 })).kind).toBe("fenced");
  });

  test("half open, so that nobody is told: renewals do not wait for it until the lease is over, but take another", async () => {
    const scene = await openScene(store);
    const { runId } = await start(scene);
    const { epoch } = await claim(scene, runId);
    const renew = () =>
      store.fleet.renewLeases({ gatewayId: "gateway-a", leaseDurationMs: LEASE_MS, runs: [{ runId, epoch }] });
    expect(await renew()).toHaveLength(1);
    // What is connected hears no more; newcomers get through.
    link.retarget(1, port);
    link.retarget(0, null);
    link.set(0, { kind: "hang" });
    await expect(renew()).rejects.toBeInstanceOf(StoreUnavailable);
    expect(await renew()).toHaveLength(1);
    expect(STORE_PULSE_TIMEOUT_MS).toBeLessThanOrEqual(6000 / 3);
  });
});
