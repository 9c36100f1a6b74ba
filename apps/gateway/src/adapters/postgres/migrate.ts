import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { fleetStatement } from "./statement.ts";
import { errorCode, type Sql } from "./sql.ts";

/** One folder of `prisma/migrations`. */
export interface Migration {
  readonly name: string;
  readonly text: string;
  /** SHA-256 (hex) of the file, as Prisma records it. */
  readonly checksum: string;
}

const FOLDER = fileURLToPath(new URL("../../../prisma/migrations/", import.meta.url));

/** The key of Prisma's own advisory lock, so that `prisma migrate` and this runner wait for each other. */
const LOCK_KEY = 72_707_369;

/** The migration that makes `hsafa_guard_tenants`. */
const GUARDED_SINCE = "0022_row_security";

/** An SQLSTATE of our own. A migration's script raises it when another process was quicker. */
const ALREADY_APPLIED = "HS001";

/** Since Postgres 15 only the owner of a database may make tables in its schema `public`. */
const INSUFFICIENT_PRIVILEGE = "42501";

const READ_APPLIED = fleetStatement({
  name: "read-applied-migrations",
  parameters: {},
  text: "select migration_name as name, finished_at is not null as finished from _prisma_migrations where rolled_back_at is null",
});

/** The migrations that come with this program, in order. */
export async function readMigrations(folder = FOLDER): Promise<Migration[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  const names = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  return Promise.all(
    names.toSorted().map(async (name) => {
      const text = await readFile(`${folder}/${name}/migration.sql`, "utf8");
      return { name, text, checksum: createHash("sha256").update(text).digest("hex") };
    }),
  );
}

/**
 * Brings the database up to this program's schema, with one query when there is nothing to do. Each migration is one
 * transaction under an advisory lock, recorded as `prisma migrate` records it. Any number of gateways may do this at
 * once. Throws for a database that is newer than this program, or that a failed migration left half done.
 */
export async function migrate(sql: Sql, migrations: readonly Migration[]): Promise<void> {
  const applied = await readApplied(sql);
  const problem = problemOf(applied, migrations);
  if (problem !== null) throw new Error(problem);
  const finished = new Set(applied.map((row) => row.name));
  const missing = migrations.filter(({ name }) => !finished.has(name));
  for (const migration of missing) await apply(sql, migration);
  // A table that a migration has made, in whichever order they came. Two that grant at once would fail one another.
  if (missing.length > 0 && migrations.some(({ name }) => name === GUARDED_SINCE)) {
    await sql.script(`select pg_advisory_xact_lock(${LOCK_KEY}); select hsafa_guard_tenants();`);
  }
}

/** Returns what is wrong with the database: a migration is missing, failed or unknown. Null: nothing. */
export async function checkMigrations(sql: Sql, migrations: readonly Migration[]): Promise<string | null> {
  const applied = await readApplied(sql);
  const missing = migrations.find(({ name }) => !applied.some((row) => row.name === name));
  return (
    problemOf(applied, migrations) ?? (missing === undefined ? null : `the migration ${missing.name} is not applied`)
  );
}

interface Applied {
  readonly name: string;
  readonly finished: boolean;
}

async function readApplied(sql: Sql): Promise<readonly Applied[]> {
  try {
    return await sql.query<Applied>(READ_APPLIED({}));
  } catch (error) {
    // There is no such table: the database is empty.
    if (errorCode(error) === "42P01") return [];
    throw error;
  }
}

function problemOf(applied: readonly Applied[], migrations: readonly Migration[]): string | null {
  const failed = applied.find((row) => !row.finished);
  if (failed !== undefined) {
    return `the migration ${failed.name} began and did not finish; see to it with 'prisma migrate resolve', then start again`;
  }
  const unknown = applied.find((row) => !migrations.some((migration) => migration.name === row.name));
  if (unknown !== undefined) {
    return `the database holds the migration ${unknown.name}, which this version of hsafa does not know: it was written by a newer one, so start that or a later one`;
  }
  return null;
}

async function apply(sql: Sql, { name, text, checksum }: Migration): Promise<void> {
  const quoted = `'${name.replaceAll("'", "''")}'`;
  try {
    // One string of statements is one transaction. It leaves nothing open on its connection, whatever happens.
    await sql.script(`
-- An index on a large table takes as long as it takes.
set local statement_timeout = 0;
-- A migration may change the rows of every tenant.
set local hsafa.tenant = '*';
select pg_advisory_xact_lock(${LOCK_KEY});
create table if not exists _prisma_migrations (
  id varchar(36) primary key not null,
  checksum varchar(64) not null,
  finished_at timestamptz,
  migration_name varchar(255) not null,
  logs text,
  rolled_back_at timestamptz,
  started_at timestamptz not null default now(),
  applied_steps_count integer not null default 0
);
do $$ begin
  if exists (select from _prisma_migrations where migration_name = ${quoted} and rolled_back_at is null) then
    raise exception 'already applied' using errcode = '${ALREADY_APPLIED}';
  end if;
end $$;
${text}
insert into _prisma_migrations (id, checksum, finished_at, migration_name, applied_steps_count)
values (gen_random_uuid()::text, '${checksum}', clock_timestamp(), ${quoted}, 1);`);
  } catch (error) {
    if (errorCode(error) === INSUFFICIENT_PRIVILEGE) throw missingPrivilege(name, error);
    if (errorCode(error) !== ALREADY_APPLIED) throw error;
  }
}

function missingPrivilege(migration: string, cause: unknown): Error {
  const said = cause instanceof Error ? cause.message : String(cause);
  return new Error(
    `the migration ${migration} may not change the database: ${said}. Give the role a schema of its own (create schema ` +
      "authorization <role>), name one that it owns with ?schema= in DATABASE_URL, or grant it: grant create on schema public to <role>",
    { cause },
  );
}
