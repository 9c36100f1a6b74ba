import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { START } from "@hsafa/protocol";
import { Client } from "pg";
import { v7 } from "uuid";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { claim, commitOf, factsOf, openScene, start } from "../../../test/contracts/store/scene.ts";
import { startForgetfulPooler } from "../../../test/services/forgetful-pooler.ts";
import { freshDatabase, missingServices, startPrivatePostgres } from "../../../test/services/services.ts";
import { StoreUnavailable } from "../../ports/store.ts";
import { openPgliteStore } from "./open-pglite-store.ts";
import { openPostgresStore } from "./open-postgres-store.ts";
import { EMPTY_PLACES } from "../../../test/support/empty-places.ts";

describe("the embedded store", () => {
  let dataDir: string;
  beforeEach(async () => {
    dataDir = await mkdtemp(join(tmpdir(), "hsafa-data-"));
  });
  afterEach(() => rm(dataDir, { recursive: true, force: true }));

  test("what was committed is there after a restart, and the folder is one process's at a time", async () => {
    const first = await openPgliteStore({ dataDir });
    await expect(openPgliteStore({ dataDir })).rejects.toThrow("in use by this very process");
    const scene = await openScene(first);
    const { runId } = await start(scene);
    const facts = await factsOf(scene, runId);
    const held = await claim(scene, runId);
    await first.fleet.commit(commitOf(held, ["run.started"]));
    await first.close();
    const second = await openPgliteStore({ dataDir });
    const events = await second
      .forTenant(scene.tenantId)
      .readEvents({ runId, after: START, limit: 10, factsOnly: false });
    expect(events.slice(0, 2)).toEqual(facts);
    expect(events).toHaveLength(3);
    expect(await second.check()).toBeNull();
    await second.close();
  });

  test("a run whose process died is due at once on restart, and counts as lost", async () => {
    const first = await openPgliteStore({ dataDir });
    const { runId } = await start(await openScene(first));
    await first.fleet.claimRuns({
      gatewayId: "dead",
      claimNumber: 1,
      leaseDurationMs: 3_600_000,
      limit: 1,
      places: EMPTY_PLACES,
      judgesUntil: Number.POSITIVE_INFINITY,
      lastChancesMax: 100,
    });
    await first.close();
    const second = await openPgliteStore({ dataDir });
    const { runs } = await second.fleet.claimRuns({
      gatewayId: "new",
      claimNumber: 1,
      leaseDurationMs: 1000,
      limit: 1,
      places: EMPTY_PLACES,
      judgesUntil: Number.POSITIVE_INFINITY,
      lastChancesMax: 100,
    });
    expect(runs).toMatchObject([{ runId, lost: true, epoch: 2 }]);
    await second.close();
  });

  test("a folder whose making was cut short is made again", async () => {
    await writeFile(join(dataDir, "postgres.unfinished"), "");
    const store = await openPgliteStore({ dataDir });
    expect(await store.check()).toBeNull();
    await store.close();
  });

  test("a store that was closed says so, and is no bug of whoever was slow", async () => {
    const store = await openPgliteStore({ dataDir: undefined });
    await store.close();
    await expect(store.fleet.readTails({ runIds: [v7()] })).rejects.toBeInstanceOf(StoreUnavailable);
  });
});

describe.skipIf(await missingServices("postgres"))("the store on a server with settings of its own", () => {
  test("times are read right whatever zone the database or its URL prefers", async () => {
    const { url, drop } = await freshDatabase();
    const store = await openPostgresStore({
      url: `${url}?options=-c%20timezone%3DAsia%2FKolkata%20-c%20work_mem%3D8MB`,
    });
    try {
      const scene = await openScene(store);
      const { runId } = await start(scene);
      const facts = await factsOf(scene, runId);
      const createdAt = new Date(facts[0]?.ts ?? 0).toISOString();
      expect(await scene.tenant.findRun({ runId })).toMatchObject({ createdAt });
      expect(Math.abs(Date.parse(createdAt) - Date.now())).toBeLessThan(3600_000);
    } finally {
      await store.close();
      await drop();
    }
    await expect(openPostgresStore({ url: "localhost" })).rejects.toThrow("postgres://");
  });

  test("behind a pooler that forgets what is asked of a session at its start, times are read right too", async () => {
    const { url, drop } = await freshDatabase();
    const pooler = await startForgetfulPooler(url);
    const operator = new Client({ connectionString: url });
    await operator.connect();
    try {
      await operator.query(
        "do $$ begin execute format('alter database %I set timezone to %L', current_database(), 'Europe/London'); end $$",
      );
      const store = await openPostgresStore({ url: pooler.url });
      const scene = await openScene(store);
      const { runId } = await start(scene);
      const [first] = await factsOf(scene, runId);
      expect(await scene.tenant.findRun({ runId })).toMatchObject({
        createdAt: new Date(first?.ts ?? 0).toISOString(),
      });
      await store.close();
    } finally {
      await operator.end();
      await pooler.close();
      await drop();
    }
  });
});

describe.skipIf(await missingServices("private-postgres"))("the store on a server that goes away", () => {
  test("every kind of query says unavailable while it is away, keeps the cause, and works once it is back", async () => {
    const server = await startPrivatePostgres();
    const store = await openPostgresStore({ url: server.url, poolSize: 3 });
    try {
      const scene = await openScene(store);
      const { runId } = await start(scene);
      // Every connection has been used.
      await Promise.all(Array.from({ length: 5 }, () => scene.tenant.findRun({ runId })));
      await server.stop("SIGKILL");
      const attempts = [
        () => store.fleet.readTails({ runIds: [runId] }),
        () => scene.tenant.findRun({ runId }),
        () => scene.tenant.listDevices({ limit: 1, cursor: undefined, subject: undefined }),
        () =>
          store.fleet.claimRuns({
            gatewayId: "g",
            claimNumber: 1,
            leaseDurationMs: 1,
            limit: 1,
            places: EMPTY_PLACES,
            judgesUntil: Number.POSITIVE_INFINITY,
            lastChancesMax: 10,
          }),
      ];
      for (const attempt of attempts) {
        const error: unknown = await attempt().catch((thrown: unknown) => thrown);
        expect(error).toBeInstanceOf(StoreUnavailable);
        expect(error).toHaveProperty("cause");
      }
      expect(await store.check()).toContain("cannot be reached");
      await expect(openPostgresStore({ url: server.url })).rejects.toBeInstanceOf(StoreUnavailable);
      await server.start();
      expect(await store.check()).toBeNull();
      expect(await scene.tenant.findRun({ runId })).toMatchObject({ id: runId });
    } finally {
      await store.close();
      await server.remove();
    }
  });
});
