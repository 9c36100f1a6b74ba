import { PGlite } from "@electric-sql/pglite";
import { v7 } from "uuid";
import { afterEach, describe, expect, test } from "vitest";
import { runStatusSchema, toolCallStatusSchema } from "@hsafa/protocol/schema";
import { openSchemaEngine } from "../../../prisma/schema-engine.ts";
import { openLockHolder } from "../../../test/contracts/store/lock-holder.ts";
import { freshDatabase, missingServices } from "../../../test/services/services.ts";
import type { OutsideInput } from "../../core/input.ts";
import { HISTORY_READ_BYTES_MAX } from "../../ports/limits.ts";
import { createFleetStore } from "./fleet-store.ts";
import { checkMigrations, type Migration, migrate, readMigrations } from "./migrate.ts";
import { fleetStatement } from "./statement.ts";
import { openPgSql } from "./pg-sql.ts";
import { pgliteSql } from "./pglite-sql.ts";
import { pgliteModules } from "./pglite-modules.ts";
import { pgliteTemplate } from "./pglite-template.ts";
import type { Sql } from "./sql.ts";
import { asTenantId } from "../../core/tenant-id.ts";

const EXTRA: Migration = { name: "9999_extra", text: "create table extra (id int);", checksum: "0".repeat(64) };
/** Prisma's own lock, by which two deployments wait for each other. */
const LOCK = "select pg_advisory_xact_lock(72707369)";

describe("migrations", () => {
  let pglite: PGlite | undefined;
  afterEach(async () => {
    await pglite?.close();
    pglite = undefined;
  });
  async function emptyDatabase() {
    // Unpacking a database and emptying it is much quicker than making one.
    pglite = await PGlite.create({ ...(await pgliteModules()), loadDataDir: await pgliteTemplate() });
    await pglite.exec("drop schema public cascade; create schema public");
    return { pglite, sql: pgliteSql(pglite) };
  }

  // A busy machine takes half a minute to compile Prisma's schema engine, which is WebAssembly.
  test("the schema that Prisma's client is made from is the one that the migrations make", {
    timeout: 120_000,
  }, async () => {
    const database = await emptyDatabase();
    await migrate(database.sql, await readMigrations());
    const engine = await openSchemaEngine(database.pglite);
    expect((await engine.diff()).trim()).toBe("-- This is an empty migration.");
    await database.sql.script("alter table runs add column forgotten int");
    expect(await engine.diff()).toContain('DROP COLUMN "forgotten"');
  });

  test("no two migrations bear one number, since their order is that of their names", async () => {
    const numbers = (await readMigrations()).map(({ name }) => name.slice(0, 4));
    expect(numbers.length).toBeGreaterThan(10);
    expect(new Set(numbers).size).toBe(numbers.length);
  });

  test("Prisma finds nothing left to do and nothing edited, whichever of the two went first", async () => {
    const migrations = await readMigrations();
    const ours = await emptyDatabase();
    await migrate(ours.sql, migrations);
    const engine = await openSchemaEngine(ours.pglite);
    expect(await engine.deploy(migrations)).toEqual([]);
    expect(await engine.edited(migrations)).toEqual([]);
    expect(await engine.edited([{ ...EXTRA, name: migrations[0]?.name ?? "" }])).toHaveLength(1);
    await ours.pglite.close();

    const theirs = await emptyDatabase();
    const names = migrations.map((migration) => migration.name);
    expect(await (await openSchemaEngine(theirs.pglite)).deploy(migrations)).toEqual(names);
    const counting = countingSql(theirs.sql);
    await migrate(counting.sql, migrations);
    // One look, and nothing is done a second time.
    expect(counting.statements).toHaveLength(1);
  });

  test("a later migration is applied on top, and one that fails leaves nothing behind", async () => {
    const { sql } = await emptyDatabase();
    const migrations = await readMigrations();
    await migrate(sql, migrations);
    expect(await checkMigrations(sql, migrations)).toBeNull();
    expect(await checkMigrations(sql, [...migrations, EXTRA])).toContain("9999_extra is not applied");
    const broken = { ...EXTRA, text: "create table half (id int); create table half (id int);" };
    await expect(migrate(sql, [...migrations, broken])).rejects.toThrow("already exists");
    await migrate(sql, [...migrations, EXTRA]);
    const tables = fleetStatement({
      name: "tables",
      parameters: {},
      text: "select to_regclass('extra') is not null as extra, to_regclass('half') as half",
    });
    expect(await sql.query(tables({}))).toEqual([{ extra: true, half: null }]);
  });

  test("the database allows the statuses and kinds that this program knows, and no others", async () => {
    const { sql } = await emptyDatabase();
    await migrate(sql, await readMigrations());
    const inputKinds: Record<OutsideInput["kind"], true> = {
      message: true,
      steer: true,
      tool_result: true,
      approval: true,
      cancel: true,
      dispatch_lost: true,
    };
    const known = {
      runs_status_check: runStatusSchema.options,
      tool_calls_status_check: toolCallStatusSchema.options,
      run_inputs_kind_check: Object.keys(inputKinds),
    };
    const rows = await sql.query<{ name: keyof typeof known; definition: string }>(
      fleetStatement({
        name: "checks",
        parameters: {},
        text: "select conname as name, pg_get_constraintdef(oid) as definition from pg_constraint where conname like '%\\_status\\_check' or conname like '%\\_kind\\_check'",
      })({}),
    );
    const allowed = rows.map(({ name, definition }) => [
      name,
      [...definition.matchAll(/'(\w+)'/g)].map((match) => match[1]),
    ]);
    expect(Object.fromEntries(allowed)).toEqual(known);
  });

  test("inputs from before the column 'kind', and those of a gateway that does not know it yet, have the kind of their payload", async () => {
    const { sql } = await emptyDatabase();
    const migrations = await readMigrations();
    const index = migrations.findIndex(({ name }) => name === "0004_input_kind");
    // Postgres stores JSON that holds these, and refuses to look into it.
    const text = '\u0000 \ud800 {"kind":"cancel"}';
    const payloads = [
      JSON.stringify({ kind: "message", message: { role: "user", content: text } }),
      JSON.stringify({ kind: "cancel", reason: null }),
      JSON.stringify({ kind: "dispatch_lost", callId: v7(), attempt: 1 }),
    ];
    const insert = payloads
      .map(
        (payload) => `insert into run_inputs (tenant_id, run_id, input) values ('${v7()}', '${v7()}', '${payload}');`,
      )
      .join("\n");
    await migrate(sql, migrations.slice(0, index));
    await sql.script(insert);
    await migrate(sql, migrations);
    await sql.script(insert);
    const rows = await sql.query<{ kind: string }>(
      fleetStatement({ name: "kinds", parameters: {}, text: "select kind from run_inputs order by id" })({}),
    );
    const kinds = ["message", "cancel", "dispatch_lost"];
    expect(rows.map((row) => row.kind)).toEqual([...kinds, ...kinds]);
  });

  test("inputs from before the column 'bytes', and those of a gateway that does not know it yet, have the size of their payload", async () => {
    const { sql } = await emptyDatabase();
    const migrations = await readMigrations();
    const index = migrations.findIndex(({ name }) => name === "0008_inbox_bytes");
    const payload = JSON.stringify({ kind: "message", message: { role: "user", content: "ü\u0000" } });
    const insert = `insert into run_inputs (tenant_id, run_id, input) values ('${v7()}', '${v7()}', '${payload}');`;
    await migrate(sql, migrations.slice(0, index));
    await sql.script(insert);
    await migrate(sql, migrations);
    await sql.script(insert);
    const rows = await sql.query<{ bytes: number }>(
      fleetStatement({ name: "bytes", parameters: {}, text: "select bytes from run_inputs order by id" })({}),
    );
    expect(rows.map((row) => row.bytes)).toEqual([Buffer.byteLength(payload), Buffer.byteLength(payload)]);
  });

  test("events from before the column 'bytes' are measured when they are read", async () => {
    const { sql } = await emptyDatabase();
    const migrations = await readMigrations();
    const index = migrations.findIndex(({ name }) => name === "0010_event_bytes");
    const [tenantId, runId] = [asTenantId(v7()), v7()];
    const payload = JSON.stringify({ text: "x".repeat(HISTORY_READ_BYTES_MAX) });
    const insert = (seq: number): string =>
      `insert into run_events (tenant_id, run_id, seq, sub, prev_seq, prev_sub, type, payload, created_at)
       values ('${tenantId}', '${runId}', ${seq}, 0, ${seq - 1}, 0, 'message.user', '${payload}', now());`;
    await migrate(sql, migrations.slice(0, index));
    await sql.script(insert(1));
    await migrate(sql, migrations);
    await sql.script(insert(2));
    const fleet = createFleetStore(sql);
    expect(await fleet.readFacts({ tenantId, runId, afterSeq: 0 })).toHaveLength(1);
    const history = { tenantId, runIds: [runId] };
    expect(await fleet.loadHistory({ ...history, bytesMax: payload.length })).toEqual([{ runId, facts: null }]);
    expect((await fleet.loadHistory({ ...history, bytesMax: 2 * payload.length }))[0]?.facts).toHaveLength(2);
  });

  test("a database that a newer program migrated, or that a migration left in pieces, is refused with what to do", async () => {
    const { sql } = await emptyDatabase();
    const migrations = await readMigrations();
    await migrate(sql, [...migrations, EXTRA]);
    await expect(migrate(sql, migrations)).rejects.toThrow(/9999_extra.*newer/);
    expect(await checkMigrations(sql, migrations)).toContain("newer");
    await sql.script("update _prisma_migrations set finished_at = null where migration_name = '9999_extra'");
    await expect(migrate(sql, [...migrations, EXTRA])).rejects.toThrow(/9999_extra.*prisma migrate resolve/);
  });
});

describe.skipIf(await missingServices("postgres"))("migrations on Postgres", () => {
  test("two gateways start at once on an empty database: each migration is applied once, and neither fails", async () => {
    const database = await freshDatabase();
    const locks = await openLockHolder(database.url);
    const gateways = [1, 2].map(() => openPgSql({ url: database.url, poolSize: 2 }).sql);
    try {
      const migrations = [...(await readMigrations()), EXTRA];
      await locks.hold(LOCK);
      const both = Promise.all(gateways.map((sql) => migrate(sql, migrations)));
      await locks.waiting(2);
      await locks.release();
      await both;
      const rows = await locks.read<{ name: string }>(
        "select migration_name as name from _prisma_migrations order by started_at",
      );
      expect(rows.map((row) => row.name)).toEqual(migrations.map((migration) => migration.name));
    } finally {
      await Promise.all(gateways.map((sql) => sql.close()));
      await locks.close();
      await database.drop();
    }
  });
});

function countingSql(sql: Sql): { sql: Sql; statements: string[] } {
  const statements: string[] = [];
  return {
    statements,
    sql: {
      ...sql,
      query(query) {
        statements.push(query.name);
        return sql.query(query);
      },
      script(text) {
        statements.push(text);
        return sql.script(text);
      },
    },
  };
}
