import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { type Link, openLink } from "../../../test/chaos/link.ts";
import { type LockHolder, openLockHolder } from "../../../test/contracts/store/lock-holder.ts";
import { claim, commitOf, LEASE_MS, openScene, type Scene, start } from "../../../test/contracts/store/scene.ts";
import { type FreshDatabase, freshDatabase, missingServices } from "../../../test/services/services.ts";
import { STORE_CONNECT_TIMEOUT_MS, STORE_PULSE_TIMEOUT_MS } from "./limits.ts";
import { type Store, StoreUnavailable } from "../../ports/store.ts";
import { openPostgresStore } from "./open-postgres-store.ts";
import { openPgSql } from "./pg-sql.ts";
import { AN_ACTOR } from "../../../test/support/an-actor.ts";

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
    const sent = scene.tenant
      .enqueueInput({ by: AN_ACTOR, runId, input: message, dedupe: null })
      .catch((error: unknown) => error);
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

  const ANY_CALL = { toolName: undefined, deviceId: undefined, status: undefined, subject: undefined };
  /** What people and machines read, on as many connections as the pool has. */
  const readAtOnce = (reading: Store, scene: Scene, runId: string) =>
    Promise.all([
      scene.tenant.findRun({ runId }),
      scene.tenant.listDevices({ limit: 5, cursor: undefined, subject: undefined }),
      scene.tenant.listCalls({ limit: 5, cursor: undefined, ...ANY_CALL }),
      reading.fleet.findApiKey({ keyHash: "of nobody" }),
      reading.fleet.readTails({ runIds: [runId] }),
    ]);

  test.each(["cut on the way", "ended by the server"])(
    "idle connections that are %s cost no read: a read is asked again on a new one",
    async (how) => {
      const url = new URL(database.url);
      url.port = String(link.port);
      url.searchParams.set("application_name", "reader");
      const reading = await openPostgresStore({ url: url.href, poolSize: 5 });
      try {
        const scene = await openScene(reading);
        const { runId } = await start(scene);
        for (let round = 0; round < 5; round += 1) {
          // Every connection of the pool is open, and idle.
          await readAtOnce(reading, scene, runId);
          if (how === "cut on the way") {
            link.set(0, { kind: "cut" });
            link.set(0, { kind: "pass" });
          } else {
            await locks.read(
              "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'reader'",
              [],
            );
          }
          // Nothing has told the pool yet.
          expect((await readAtOnce(reading, scene, runId))[0]).toMatchObject({ id: runId });
        }
      } finally {
        await reading.close();
      }
    },
  );

  test("a read that takes too long is unavailable, and no fault of ours", async () => {
    const impatient = await openPostgresStore({ url: database.url, statementTimeoutMs: 300 });
    try {
      const scene = await openScene(impatient);
      await locks.hold("lock table devices in access exclusive mode");
      const read = scene.tenant.listDevices({ limit: 5, cursor: undefined, subject: undefined });
      await expect(read).rejects.toBeInstanceOf(StoreUnavailable);
    } finally {
      await locks.undo();
      await impatient.close();
    }
  });

  test("a server that accepts a connection and says nothing is given up in time (R9)", async () => {
    link.set(0, { kind: "hang" });
    const url = new URL(database.url);
    url.port = String(link.port);
    const began = performance.now();
    const opened = await openPostgresStore({ url: url.href }).catch((error: unknown) => error);
    link.set(0, { kind: "pass" });
    expect(opened).toBeInstanceOf(StoreUnavailable);
    expect(performance.now() - began).toBeGreaterThan(STORE_CONNECT_TIMEOUT_MS - 100);
    expect(performance.now() - began).toBeLessThan(3 * STORE_CONNECT_TIMEOUT_MS);
  });

  test("a script of a migration may take longer than a statement (R9)", async () => {
    const { sql } = openPgSql({ url: database.url, poolSize: 1, statementTimeoutMs: 200 });
    try {
      await sql.script("set local statement_timeout = 0; select pg_sleep(0.6);");
      await expect(sql.script("select pg_sleep(0.6);")).rejects.toBeInstanceOf(StoreUnavailable);
    } finally {
      await sql.close();
    }
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
