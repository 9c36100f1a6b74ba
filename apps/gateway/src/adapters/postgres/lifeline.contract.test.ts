import pg from "pg";
import { v7 } from "uuid";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { NO_SILENCE_MS } from "../../../test/contracts/store/lifelines.ts";
import { claim, openScene, start } from "../../../test/contracts/store/scene.ts";
import { type FreshDatabase, freshDatabase, missingServices } from "../../../test/services/services.ts";
import type { Store } from "../../ports/store.ts";
import { takeLifeline } from "./lifeline.ts";
import { openPostgresStore } from "./open-postgres-store.ts";
import { END_DEAD_GATEWAYS } from "./statements/fleet/end-dead-gateways.ts";

/**
 * What the contract suite cannot do to a store: break its connections one by one, restart its server, stand between.
 */
describe.skipIf(await missingServices("postgres"))("lifelines on a server", () => {
  let database: FreshDatabase;
  let judge: Store;
  let operator: pg.Client;
  beforeAll(async () => {
    database = await freshDatabase();
    judge = await openPostgresStore({ url: database.url });
    operator = new pg.Client({ connectionString: database.url });
    await operator.connect();
  });
  afterAll(async () => {
    await operator.end();
    await judge.close();
    await database.drop();
  });

  const endDead = () => judge.fleet.endDeadGateways({ silenceMs: NO_SILENCE_MS, until: Number.POSITIVE_INFINITY });
  const beat = (store: Store, gatewayId: string) => store.fleet.recordHeartbeat({ gatewayId, stopping: false });
  const hasLifeline = async (gatewayId: string): Promise<boolean> => {
    const { rows } = await operator.query("select lifeline is not null as has from gateways where id = $1", [
      gatewayId,
    ]);
    return (rows[0] as { has: boolean } | undefined)?.has ?? false;
  };
  const lifelinesHeld = async (): Promise<number> => {
    const { rows } = await operator.query(
      "select count(*)::int as held from pg_locks join pg_database d on d.oid = database where locktype = 'advisory' and objsubid = 2 and datname = current_database()",
    );
    return (rows[0] as { held: number }).held;
  };
  /** A gateway with one run, on a store of its own. */
  async function gatewayWithRun() {
    const scene = await openScene(judge);
    const store = await openPostgresStore({ url: database.url });
    const gatewayId = v7();
    await beat(store, gatewayId);
    const { runId } = await start(scene);
    await claim(scene, runId, gatewayId);
    return { scene, store, gatewayId, runId };
  }

  test("however often a gateway beats, it holds one lock, and gives it back when it closes", async () => {
    const before = await lifelinesHeld();
    const { store, gatewayId } = await gatewayWithRun();
    for (let beats = 0; beats < 5; beats++) await beat(store, gatewayId);
    expect(await lifelinesHeld()).toBe(before + 1);
    await store.close();
    await vi.waitFor(async () => expect(await lifelinesHeld()).toBe(before));
  });

  test("a connection that the server ends costs a living gateway nothing: the next beat has another", async () => {
    const { store, gatewayId, runId } = await gatewayWithRun();
    const { rows } = await operator.query(
      `select pg_terminate_backend(l.pid) from pg_locks l where l.locktype = 'advisory' and l.objsubid = 2
        and l.objid = (hashtext($1)::bigint & 4294967295)::oid`,
      [gatewayId],
    );
    expect(rows).toHaveLength(1);
    await vi.waitFor(async () => {
      await beat(store, gatewayId);
      expect(await hasLifeline(gatewayId)).toBe(true);
      expect(await endDead()).toEqual([]);
    });
    await store.close();
    await vi.waitFor(async () => expect(await endDead()).toEqual([runId]));
  });

  test("a server that restarted, or took over from another, condemns nobody: no lock outlives its server", async () => {
    const { scene, store, gatewayId, runId } = await gatewayWithRun();
    await store.close();
    // As if the lock had been granted by the server before this one.
    await operator.query("update gateways set lifeline = lifeline - interval '1 hour' where id = $1", [gatewayId]);
    await vi.waitFor(async () => expect(await lifelinesHeld()).toBe(0));
    expect(await endDead()).toEqual([]);
    await expect(claim(scene, runId, "gateway-b")).rejects.toThrow("was not due");
  });

  test("a pooler that still holds the lock for an earlier connection makes nobody look dead: leases end by time", async () => {
    const scene = await openScene(judge);
    const store = await openPostgresStore({ url: database.url });
    const gatewayId = v7();
    await operator.query(`select ${takeLifeline("$1::text")}`, [gatewayId]);
    await beat(store, gatewayId);
    expect(await hasLifeline(gatewayId)).toBe(false);
    const { runId } = await start(scene);
    await claim(scene, runId, gatewayId);
    await store.close();
    await operator.query("select pg_advisory_unlock_all()");
    expect(await endDead()).toEqual([]);
    await expect(claim(scene, runId, "gateway-b")).rejects.toThrow("was not due");
  });

  test("while nobody is dead no run is looked at, however many wait", async () => {
    const text = END_DEAD_GATEWAYS.text.replaceAll(/\$\d::float8/g, "0::float8");
    const { rows } = await operator.query(`explain ${text}`);
    expect(rows.map((row) => Object.values(row as Record<string, string>)[0]).join("\n")).toContain("One-Time Filter");
  });
});
