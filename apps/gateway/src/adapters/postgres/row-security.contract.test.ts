/** The second line between tenants. It holds when a statement forgets its tenant, and the first line without it. */
import { randomUUID } from "node:crypto";
import { Client } from "pg";
import { v7 } from "uuid";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { isolationOfStore } from "../../../test/contracts/store/isolation.ts";
import { openScene, type Scene, start } from "../../../test/contracts/store/scene.ts";
import { type FreshDatabase, freshDatabase, missingServices } from "../../../test/services/services.ts";
import type { Store } from "../../ports/store.ts";
import { openPglite } from "./open-pglite.ts";
import { openPgSql } from "./pg-sql.ts";
import { pgliteSql } from "./pglite-sql.ts";
import { openPostgresStore } from "./open-postgres-store.ts";
import { openStore } from "./open-store.ts";
import type { Sql } from "./sql.ts";
import { fleetStatement, type Query, type QueryScope } from "./statement.ts";

/** A statement in which nobody thought of tenants. */
function planted(text: string, scope: QueryScope, values: readonly string[] = []): Query {
  return { name: "", text, values, scope };
}

const FLEET: QueryScope = { kind: "fleet" };

interface Opened {
  readonly store: Store;
  /** What the gateway asks with. */
  readonly sql: Sql;
  close(): Promise<void>;
}

async function openPglitePair(): Promise<Opened> {
  const pglite = await openPglite(undefined);
  const sql = pgliteSql(pglite);
  const store = await openStore(sql);
  return { store, sql, close: () => store.close() };
}

async function openPostgresPair(): Promise<Opened> {
  const database = await freshDatabase();
  const { sql } = openPgSql({ url: database.url });
  const store = await openStore(sql);
  return {
    store,
    sql,
    async close() {
      await store.close();
      await database.drop();
    },
  };
}

const TABLES = fleetStatement({
  name: "guarded-tables",
  parameters: {},
  text: `
select c.relname::text as name, c.relrowsecurity and c.relforcerowsecurity as is_forced,
  exists (select from pg_policy p where p.polrelid = c.oid and p.polname = 'tenant_rows') as has_policy,
  has_table_privilege('hsafa_app', c.oid, 'select, insert, update, delete') as is_granted,
  pg_get_userbyid(c.relowner) in ('hsafa_app', 'hsafa_fleet') as is_owned,
  c.relname = 'tenants' or exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'tenant_id') as is_of_tenants
from pg_class c where c.relnamespace = current_schema()::regnamespace and c.relkind in ('r', 'p')`,
});

interface Table {
  readonly name: string;
  readonly is_forced: boolean;
  readonly has_policy: boolean;
  readonly is_granted: boolean;
  readonly is_owned: boolean;
  readonly is_of_tenants: boolean;
}

function linesOf(name: string, open: () => Promise<Opened>): void {
  describe(`row-level security: ${name}`, () => {
    let opened: Opened;
    let mine: Scene;
    let theirs: Scene;
    let myRun: string;
    let theirRun: string;
    const ask = (text: string, scope: QueryScope, values: readonly string[] = []) =>
      opened.sql.query<{ readonly id: string }>(planted(text, scope, values));
    const scopeOf = ({ tenantId }: Scene): QueryScope => ({ kind: "tenant", tenantId });

    beforeAll(async () => {
      opened = await open();
      mine = await openScene(opened.store);
      theirs = await openScene(opened.store);
      ({ runId: myRun } = await start(mine));
      ({ runId: theirRun } = await start(theirs));
    });
    afterAll(() => opened.close());

    test("every table with rows of tenants is guarded, its owner too, and the role of gateways owns none", async () => {
      const tables = await opened.sql.query<Table>(TABLES({}));
      const guarded = tables.filter(({ is_of_tenants: is }) => is);
      expect(guarded.length).toBeGreaterThan(14);
      // A migration that makes a table gets its policy by `hsafa_guard_tenants`, which the runner calls.
      expect(guarded.filter((table) => !table.is_forced || !table.has_policy)).toEqual([]);
      expect(tables.filter(({ is_owned: is }) => is)).toEqual([]);
      expect(tables.filter(({ is_granted: is }) => !is)).toEqual([]);
      const [who] = await opened.sql.query<{ readonly name: string; readonly is_exempt: boolean }>(
        planted(
          "select rolname::text as name, rolsuper or rolbypassrls as is_exempt from pg_roles where rolname = current_user",
          FLEET,
        ),
      );
      expect(who).toEqual({ name: "hsafa_fleet", is_exempt: false });
    });

    test("a statement that forgets its tenant reads, changes and deletes the rows of this tenant alone", async () => {
      expect(await ask("select id::text from runs", scopeOf(mine))).toEqual([{ id: myRun }]);
      expect(await ask("select id::text from runs where id = $1::uuid", scopeOf(mine), [theirRun])).toEqual([]);
      const changed = await ask(`update runs set metadata = '{"by":"me"}' returning id::text`, scopeOf(mine));
      expect(changed).toEqual([{ id: myRun }]);
      expect(
        await ask("delete from run_events where run_id = $1::uuid returning run_id", scopeOf(mine), [theirRun]),
      ).toEqual([]);
      expect(await theirs.tenant.findRun({ runId: theirRun })).toMatchObject({ metadata: {} });
      expect((await ask("select id::text from runs", FLEET)).length).toBeGreaterThan(1);
    });

    test("nothing is written for another tenant, neither as a new row nor by giving one away", async () => {
      const insert = "insert into threads (id, tenant_id, metadata) values ($1::uuid, $2::uuid, '{}')";
      await expect(ask(insert, scopeOf(mine), [v7(), theirs.tenantId])).rejects.toThrow(/row-level security/);
      const give = "update runs set tenant_id = $1::uuid where id = $2::uuid";
      await expect(ask(give, scopeOf(mine), [theirs.tenantId, myRun])).rejects.toThrow(/row-level security/);
      await ask(insert, scopeOf(mine), [v7(), mine.tenantId]);
    });

    test("queries of several tenants at once that forget their tenants read the rows of each alone", async () => {
      const all = "select r.id::text from runs r join agent_versions v on v.id = r.agent_version_id";
      const found = await Promise.all([mine, theirs, mine, theirs].map((scene) => ask(all, scopeOf(scene))));
      expect(found).toEqual([[{ id: myRun }], [{ id: theirRun }], [{ id: myRun }], [{ id: theirRun }]]);
      expect(await ask("select id::text from tenants", scopeOf(mine))).toEqual([{ id: mine.tenantId }]);
    });

    test("what says nothing sees nothing, also right after a query that did", async () => {
      await ask("select id::text from runs", FLEET);
      const none = `do $$ begin
        if exists (select from runs) or exists (select from api_keys) or exists (select from tenants) then
          raise exception 'rows are seen without a tenant';
        end if;
      end $$`;
      await opened.sql.script(none);
      await expect(ask("select * from no_such_table", scopeOf(mine))).rejects.toThrow(/no_such_table/);
      await opened.sql.script(none);
    });

    test("the role of gateways lifts no policy and makes no table", async () => {
      for (const text of [
        "alter table runs disable row level security",
        "drop policy tenant_rows on runs",
        "create table more (id int)",
        "alter role hsafa_app bypassrls",
      ]) {
        await expect(opened.sql.script(text)).rejects.toThrow(/must be owner|permission denied|must be superuser/);
      }
    });
  });
}

linesOf("PGlite", openPglitePair);

describe.skipIf(await missingServices("postgres"))("Postgres", () => {
  linesOf("Postgres", openPostgresPair);

  async function asAdministrator(url: string, ...texts: readonly string[]): Promise<void> {
    const client = new Client({ connectionString: url });
    await client.connect();
    try {
      for (const text of texts) await client.query(text);
    } finally {
      await client.end();
    }
  }

  describe("without row-level security the statements alone keep tenants apart", () => {
    let database: FreshDatabase;
    let store: Store;
    beforeAll(async () => {
      database = await freshDatabase();
      store = await openPostgresStore({ url: database.url });
      await asAdministrator(
        database.url,
        `do $$ declare guarded record; begin
          for guarded in select relname from pg_class where relrowsecurity loop
            execute format('alter table %I disable row level security', guarded.relname);
          end loop;
        end $$`,
      );
    });
    afterAll(async () => {
      await store.close();
      await database.drop();
    });
    isolationOfStore(() => store);
  });

  describe("roles of servers that others run", () => {
    async function withRole(attributes: string, work: (url: string, role: string) => Promise<void>): Promise<void> {
      const database = await freshDatabase();
      const role = `r_${randomUUID().replaceAll("-", "")}`;
      const url = new URL(database.url);
      await asAdministrator(
        database.url,
        `create role ${role} login ${attributes}`,
        `grant create on schema public to ${role}`,
      );
      url.username = role;
      try {
        await work(url.href, role);
      } finally {
        await database.drop();
        const server = new URL(database.url);
        server.pathname = "/postgres";
        await asAdministrator(server.href, `drop role ${role}`);
      }
    }

    test("an owner that may make no roles is bound by the policies itself", async () => {
      await withRole("nosuperuser nocreaterole", async (url, role) => {
        const store = await openPostgresStore({ url });
        const mine = await openScene(store);
        await start(mine);
        const { runId } = await start(await openScene(store));
        const { sql } = openPgSql({ url });
        try {
          const scope: QueryScope = { kind: "tenant", tenantId: mine.tenantId };
          const text = "select current_user::text as id from runs where id = $1::uuid";
          expect(await sql.query(planted(text, FLEET, [runId]))).toEqual([{ id: role }]);
          expect(await sql.query(planted(text, scope, [runId]))).toEqual([]);
          expect(await mine.tenant.findRun({ runId })).toBeNull();
        } finally {
          await sql.close();
          await store.close();
        }
      });
    });

    test("a role that no policy binds refuses to start until an administrator grants it the role of gateways", async () => {
      await withRole("bypassrls", async (url, role) => {
        await expect(openPostgresStore({ url })).rejects.toThrow(
          /DATABASE_URL.*hsafa_app.*grant hsafa_app, hsafa_fleet to/s,
        );
        const administrator = new URL(url);
        administrator.username = "postgres";
        await asAdministrator(administrator.href, `grant hsafa_app, hsafa_fleet to ${role}`);
        const store = await openPostgresStore({ url });
        try {
          await start(await openScene(store));
        } finally {
          await store.close();
        }
      });
    });
  });

  test("a table that a later migration makes is guarded before a gateway serves", async () => {
    const database = await freshDatabase();
    const { sql } = openPgSql({ url: database.url });
    try {
      const { migrate, readMigrations } = await import("./migrate.ts");
      const known = await readMigrations();
      const text = `create table more (id uuid primary key, tenant_id uuid not null); insert into more values ('${v7()}', '${v7()}');`;
      await migrate(sql, [...known, { name: "9999_more", text, checksum: "x" }]);
      const tables = await sql.query<Table>(TABLES({}));
      expect(tables.find(({ name }) => name === "more")).toMatchObject({
        is_forced: true,
        has_policy: true,
        is_granted: true,
      });
    } finally {
      await sql.close();
      await database.drop();
    }
  });
});
