import pg from "pg";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openScene, start } from "../../../test/contracts/store/scene.ts";
import { freshDatabase, type FreshDatabase, missingServices } from "../../../test/services/services.ts";
import type { Store } from "../../ports/store.ts";
import { openPgliteStore } from "./open-pglite-store.ts";
import { openPostgresStore } from "./open-postgres-store.ts";

const heartbeat = (store: Store) => store.fleet.recordHeartbeat({ gatewayId: "gateway-a", stopping: false });

describe.skipIf(await missingServices("postgres"))("the server of a store", () => {
  let database: FreshDatabase;
  const stores: Store[] = [];
  beforeEach(async () => {
    database = await freshDatabase();
  });
  afterEach(async () => {
    await Promise.all(stores.splice(0).map((store) => store.close()));
    await database.drop();
  });
  const open = async (url = database.url): Promise<Store> => {
    const store = await openPostgresStore({ url });
    stores.push(store);
    return store;
  };
  const ask = async (text: string): Promise<readonly unknown[]> => {
    const client = new pg.Client({ connectionString: database.url });
    await client.connect();
    try {
      return (await client.query<{ readonly answer: unknown }>(text)).rows.map(({ answer }) => answer);
    } finally {
      await client.end();
    }
  };

  test("a server with other data, such as one that a dump was restored into, begins a new generation and keeps what runs have", async () => {
    const store = await open();
    const scene = await openScene(store);
    const { runId } = await start(scene);
    await ask("update store_state set system = 'of another cluster', server_started_at = null");
    const restored = await open();
    const { generation, isJudged } = await heartbeat(restored);
    expect(isJudged).toBe(true);
    expect(generation).toMatchObject({ tag: expect.stringMatching(/^[0-9a-f]{8}$/) as string, formerTags: [""] });
    expect(await scene.tenant.readTail({ runId })).toMatchObject({ keptSeq: 2, generation });
    expect(await heartbeat(await open())).toMatchObject({ generation });
  });

  test("a new timeline proves no loss, and is remembered until the next generation", async () => {
    await open();
    await ask("update store_state set timeline = '00000000', server_started_at = null");
    const promoted = await open();
    expect(await heartbeat(promoted)).toMatchObject({ generation: { tag: "", wasReplaced: true } });
    // Another start of the same server changes nothing about it.
    await ask("update store_state set server_started_at = null");
    expect(await heartbeat(await open())).toMatchObject({ generation: { tag: "", wasReplaced: true } });
    const generation = await promoted.fleet.judgeServer({ expected: "", wentBack: true });
    expect(generation).toMatchObject({ wasReplaced: false });
  });

  test("an operator begins a new generation by one statement, before and after gateways start", async () => {
    await open();
    await ask("update store_state set server_started_at = null");
    const [first] = await ask("select hsafa_new_generation() as answer");
    const store = await open();
    expect(await heartbeat(store)).toMatchObject({ generation: { tag: first, formerTags: [""] } });
    const [second] = await ask("select hsafa_new_generation() as answer");
    expect(second).not.toBe(first);
    expect(await heartbeat(store)).toMatchObject({ generation: { tag: second, formerTags: [] } });
  });

  test("former generations are remembered up to a bound (R9)", async () => {
    const store = await open();
    for (let restores = 0; restores < 40; restores++) {
      await ask("update store_state set server_started_at = null");
      await ask("select hsafa_new_generation() as answer");
    }
    expect((await heartbeat(store)).generation.formerTags).toHaveLength(32);
  });

  test("a role that may not ask about the server works all the same", async () => {
    const role = `limited_${crypto.randomUUID().replaceAll("-", "")}`;
    const url = Object.assign(new URL(database.url), { username: role, password: "secret" }).href;
    await ask(`create role ${role} login password 'secret'`);
    try {
      await ask(`grant create, usage on schema public to ${role}`);
      for (const name of ["pg_control_system()", "pg_current_wal_lsn()", "pg_current_wal_flush_lsn()"])
        await ask(`revoke execute on function ${name} from public`);
      const store = await open(url);
      expect(await heartbeat(store)).toMatchObject({
        generation: { tag: "", formerTags: [], wasReplaced: false },
        isJudged: true,
        written: null,
      });
      expect(await ask("select coalesce(system, timeline, 'neither') as answer from store_state")).toEqual(["neither"]);
      expect((await store.fleet.judgeServer({ expected: "", wentBack: true })).tag).not.toBe("");
    } finally {
      await Promise.all(stores.splice(0).map((store) => store.close()));
      await ask(`drop owned by ${role}`);
      await ask(`drop role ${role}`);
    }
  });
});

test("an embedded database is judged at each start of its process, and tells how long its log is", async () => {
  const store = await openPgliteStore({ dataDir: undefined });
  expect(await heartbeat(store)).toMatchObject({ generation: { tag: "" }, isJudged: true });
  expect((await heartbeat(store)).written).toBeGreaterThan(0);
  await store.close();
});
