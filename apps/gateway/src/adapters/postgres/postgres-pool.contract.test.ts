import { describe, expect, test, vi } from "vitest";
import { openScene, start } from "../../../test/contracts/store/scene.ts";
import { startPgbouncer } from "../../../test/services/pgbouncer.ts";
import { freshDatabase, missingServices, startPrivatePostgres } from "../../../test/services/services.ts";
import { startPrivateStandby } from "../../../test/services/postgres-server.ts";
import { StoreUnavailable } from "../../ports/store.ts";
import { openPostgresStore } from "./open-postgres-store.ts";
import { asOperator, refusalOf, usePostgresStore, withParameters } from "../../../test/services/use-postgres-store.ts";

const tablesIn = (url: string) =>
  asOperator(url, async (client) => {
    const { rows } = await client.query<{ readonly schema: string }>(
      "select distinct schemaname as schema from pg_tables where tablename in ('runs', '_prisma_migrations', 'run_events') order by 1",
    );
    return rows.map(({ schema }) => schema);
  });

describe.skipIf(await missingServices("postgres"))("the schema", () => {
  test("a role with a schema of its own name works in it, for machines and for people", async () => {
    const { url, drop } = await freshDatabase();
    const role = `own_${crypto.randomUUID().slice(0, 8)}`;
    try {
      await asOperator(url, async (client) => {
        await client.query(`create role ${role} login`);
        await client.query(`create schema authorization ${role}`);
      });
      const own = new URL(url);
      own.username = role;
      await usePostgresStore(own.href);
      expect(await tablesIn(url)).toEqual([role]);
    } finally {
      await drop();
      await asOperator(new URL("/postgres", url).href, (client) => client.query(`drop role ${role}`));
    }
  });

  test("?schema= and search_path name a schema, which is made if need be", async () => {
    const { url, drop } = await freshDatabase();
    try {
      await usePostgresStore(withParameters(url, "schema=My%20Agents"));
      expect(await tablesIn(url)).toEqual(["My Agents"]);
      await asOperator(url, (client) => client.query("create schema later"));
      await usePostgresStore(withParameters(url, "options=-c%20search_path%3Dlater"));
      expect(await tablesIn(url)).toEqual(["My Agents", "later"]);
    } finally {
      await drop();
    }
  });

  test("tables of another program in public are not taken for hsafa's", async () => {
    const { url, drop } = await freshDatabase();
    try {
      await asOperator(url, async (client) => {
        await client.query(
          "create table _prisma_migrations (migration_name text, finished_at timestamptz, rolled_back_at timestamptz)",
        );
        await client.query("insert into _prisma_migrations values ('somebody-elses', now(), null)");
      });
      await usePostgresStore(withParameters(url, "schema=agents"));
    } finally {
      await drop();
    }
  });

  test("tables that are in public stay the ones in use when the role gets a schema of its own", async () => {
    const { url, drop } = await freshDatabase();
    try {
      await (await openPostgresStore({ url })).close();
      await asOperator(url, (client) => client.query("create schema postgres"));
      await usePostgresStore(url);
      expect(await tablesIn(url)).toEqual(["public"]);
    } finally {
      await drop();
    }
  });

  test("a role that may not make tables, or has no schema, is told what to do", async () => {
    const { url, drop } = await freshDatabase();
    const role = `poor_${crypto.randomUUID().slice(0, 8)}`;
    try {
      await asOperator(url, (client) => client.query(`create role ${role} login`));
      const poor = new URL(url);
      poor.username = role;
      expect(await refusalOf(poor.href)).toContain("create schema authorization");
      await asOperator(url, (client) => client.query("drop schema public"));
      expect(await refusalOf(url)).toMatch(/no schema.*create schema authorization/);
    } finally {
      await drop();
      await asOperator(new URL("/postgres", url).href, (client) => client.query(`drop role ${role}`));
    }
  });
});

describe.skipIf(await missingServices("private-postgres"))("connections that are closed or lead elsewhere", () => {
  test("a server that closes idle sessions costs no statement", async () => {
    const server = await startPrivatePostgres({ settings: ["idle_session_timeout=200"] });
    const store = await openPostgresStore({ url: server.url, poolSize: 3 });
    try {
      const scene = await openScene(store);
      const { runId } = await start(scene);
      for (let round = 0; round < 3; round++) {
        await Promise.all(Array.from({ length: 3 }, () => store.fleet.readTails({ runIds: [runId] })));
        await vi.waitFor(
          () =>
            asOperator(server.url, async (client) => {
              const { rows } = await client.query("select from pg_stat_activity where application_name = 'hsafa'");
              expect(rows).toHaveLength(0);
            }),
          { timeout: 10_000 },
        );
        await store.fleet.recordHeartbeat({ gatewayId: "g", stopping: false });
        expect(await scene.tenant.findRun({ runId })).toMatchObject({ id: runId });
      }
    } finally {
      await store.close();
      await server.remove();
    }
  });

  test("of several hosts the one that takes writes is used, before and after it fails over", async () => {
    const primary = await startPrivatePostgres({ settings: ["wal_level=replica", "max_wal_senders=4"] });
    const standby = await startPrivateStandby(primary, {
      settings: ["hot_standby=on", "wal_level=replica", "max_wal_senders=4"],
    });
    const hosts = [standby.url, primary.url].map((url) => new URL(url).host);
    const store = await openPostgresStore({
      url: `postgres://postgres@127.0.0.1:1,${hosts.join(",")}/postgres?target_session_attrs=read-write`,
    });
    try {
      const scene = await openScene(store);
      await start(scene);
      await asOperator(primary.url, (client) =>
        vi.waitFor(async () => {
          const { rows } = await client.query(
            "select from pg_stat_replication where replay_lsn = pg_current_wal_lsn()",
          );
          expect(rows).toHaveLength(1);
        }),
      );
      await primary.stop("SIGKILL");
      await expect(store.fleet.recordHeartbeat({ gatewayId: "g", stopping: false })).rejects.toBeInstanceOf(
        StoreUnavailable,
      );
      await asOperator(standby.url, (client) => client.query("select pg_promote()"));
      await vi.waitFor(() => start(scene), { timeout: 10_000 });
      await store.fleet.recordHeartbeat({ gatewayId: "g", stopping: false });
    } finally {
      await store.close();
      await standby.remove();
      await primary.remove();
    }
  });
});

describe.skipIf(await missingServices("postgres", "pgbouncer"))("PgBouncer", () => {
  async function behindPooler(
    poolMode: "session" | "transaction" | "statement",
    work: (url: string, directUrl: string) => Promise<void>,
  ): Promise<void> {
    const { url, drop } = await freshDatabase();
    const pooler = await startPgbouncer(url, { poolMode });
    try {
      await work(pooler.url, url);
    } finally {
      await pooler.remove();
      await drop();
    }
  }

  test("in session mode it works, also with what Supabase and Prisma add to a URL", async () => {
    await behindPooler("session", async (url) => {
      await usePostgresStore(url);
      await usePostgresStore(withParameters(url, "pgbouncer=true&connection_limit=2&schema=agents"));
    });
  });

  test.each(["transaction", "statement"] as const)(
    "in %s mode the start says why not, and leaves nothing",
    async (poolMode) => {
      await behindPooler(poolMode, async (url, directUrl) => {
        expect(await refusalOf(url)).toMatch(/DATABASE_URL.*transaction mode.*session/);
        // The first sessions are there now, so the pooler hands them out in another order.
        expect(await refusalOf(url)).toMatch(/DATABASE_URL.*transaction mode.*session/);
        expect(await tablesIn(directUrl)).toEqual([]);
      });
    },
  );
});
