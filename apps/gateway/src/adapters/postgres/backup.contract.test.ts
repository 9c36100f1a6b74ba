/**
 * Operators make backups with the programs of Postgres, often as the owner of the tables and not as a superuser. The
 * policies bind that owner too. The commands here are those of `docs/deploy/postgres.md`.
 */
import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { Client } from "pg";
import { afterAll, afterEach, beforeEach, describe, expect, test } from "vitest";
import { openScene, start } from "../../../test/contracts/store/scene.ts";
import { findPgDump } from "../../../test/services/find-program.ts";
import { type FreshDatabase, freshDatabase, missingServices } from "../../../test/services/services.ts";
import { openPostgresStore } from "./open-postgres-store.ts";

/** As the document writes it. */
const ALL_ROWS = "-c hsafa.tenant=*";
const DUMP = ["--enable-row-security", "--no-owner"];
const RESTORE = ["--single-transaction", "--set=ON_ERROR_STOP=1", "--quiet", "--no-psqlrc"];

const run = promisify(execFile);

describe.skipIf(await missingServices("postgres", "pg_dump"))("backups", () => {
  const role = `backup_${randomUUID().replaceAll("-", "")}`;
  const folder = mkdtempSync(join(tmpdir(), "hsafa-backup-"));
  const file = join(folder, "hsafa.sql");
  const databases: FreshDatabase[] = [];

  async function asAdministrator(url: string, ...statements: readonly string[]): Promise<void> {
    const client = new Client({ connectionString: url });
    await client.connect();
    try {
      for (const text of statements) await client.query(text);
    } finally {
      await client.end();
    }
  }

  /** An empty database, as the role's. */
  async function databaseOfRole(): Promise<string> {
    const database = await freshDatabase();
    databases.push(database);
    await asAdministrator(database.url, `grant create on schema public to ${role}`);
    const url = new URL(database.url);
    url.username = role;
    return url.href;
  }

  /** The rows of each table that the session sees. */
  async function countsOf(url: string, options: string | undefined): Promise<Record<string, number>> {
    const client = new Client({ connectionString: url, ...(options === undefined ? {} : { options }) });
    await client.connect();
    try {
      const { rows: tables } = await client.query<{ name: string }>(
        "select relname::text as name from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r' order by 1",
      );
      const counts: Record<string, number> = {};
      for (const { name } of tables) {
        const { rows } = await client.query<{ count: number }>(`select count(*)::int as count from "${name}"`);
        counts[name] = rows[0]?.count ?? 0;
      }
      return counts;
    } finally {
      await client.end();
    }
  }

  async function program(name: "pg_dump" | "psql", args: readonly string[], options = ALL_ROWS): Promise<void> {
    const found = await findPgDump();
    if (found.kind === "missing") throw new Error(found.reason);
    await run(join(found.path, name), args, { env: { ...process.env, PGOPTIONS: options } });
  }

  afterAll(() => rmSync(folder, { recursive: true }));
  beforeEach(async () => {
    const first = await freshDatabase();
    databases.push(first);
    await asAdministrator(first.url, `create role ${role} login nosuperuser nocreaterole`);
  });
  afterEach(async () => {
    const [first, ...others] = databases.splice(0);
    if (first === undefined) return;
    await Promise.all([first, ...others].map((database) => database.drop()));
    const server = new URL(first.url);
    server.pathname = "/postgres";
    await asAdministrator(server.href, `drop role ${role}`);
  });

  test.each(["its owner alone", "hsafa_app, by an administrator"])(
    "as an owner that is no superuser, where gateways work as %s: every row comes back, guarded as before",
    async (who) => {
      const url = await databaseOfRole();
      if (who !== "its owner alone") {
        const [first] = databases;
        // Another database of the server may have made the roles already.
        const make = (name: string) =>
          `do $$ begin create role ${name} nologin; exception when duplicate_object or unique_violation then null; end $$`;
        const grant = `grant hsafa_app, hsafa_fleet to ${role}`;
        await asAdministrator(first?.url ?? "", make("hsafa_app"), make("hsafa_fleet"), grant);
      }
      const store = await openPostgresStore({ url });
      const [mine, theirs] = [await openScene(store), await openScene(store)];
      const { runId } = await start(mine);
      await start(theirs);
      await store.close();

      const before = await countsOf(url, ALL_ROWS);
      expect(before).toMatchObject({ tenants: 2, runs: 2 });
      await program("pg_dump", [...DUMP, `--file=${file}`, url]);
      const copy = await databaseOfRole();
      await program("psql", [...RESTORE, `--file=${file}`, copy]);
      expect(await countsOf(copy, ALL_ROWS)).toEqual(before);

      // Gateways serve the copy, and its policies hold.
      const restored = await openPostgresStore({ url: copy });
      try {
        expect(await restored.forTenant(mine.tenantId).findRun({ runId })).toMatchObject({ id: runId });
        expect(await restored.forTenant(theirs.tenantId).findRun({ runId })).toBeNull();
        await start({ ...mine, tenant: restored.forTenant(mine.tenantId) });
      } finally {
        await restored.close();
      }
    },
  );

  test("a dump that does not say whose rows it means fails, or holds no row of a tenant", async () => {
    const url = await databaseOfRole();
    const store = await openPostgresStore({ url });
    const { runId } = await start(await openScene(store));
    await store.close();
    await expect(program("pg_dump", ["--no-owner", `--file=${file}`, url], "")).rejects.toThrow(/row-level security/);
    // That is why the document names both.
    await program("pg_dump", [...DUMP, `--file=${file}`, url], "");
    expect(readFileSync(file, "utf8")).not.toContain(runId);
    await program("pg_dump", [...DUMP, `--file=${file}`, url]);
    expect(readFileSync(file, "utf8")).toContain(runId);
  });
});
