/**
 * Prisma's schema engine from npm, as WebAssembly: nothing is downloaded. It serves the author of a migration, and the
 * tests that compare our runner with Prisma's own.
 *
 *     npx node apps/gateway/prisma/schema-engine.ts
 *
 * prints the SQL that takes a database with all migrations applied to what `schema.prisma` says now.
 */
import { readFile } from "node:fs/promises";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { PGlite } from "@electric-sql/pglite";
import { bindMigrationAwareSqlAdapterFactory } from "@prisma/driver-adapter-utils";
import { SchemaEngine as PrismaEngine } from "@prisma/schema-engine-wasm";
import { PrismaPGlite } from "pglite-prisma-adapter";
import { type Migration, migrate, readMigrations } from "../src/adapters/postgres/migrate.ts";
import { pgliteSql } from "../src/adapters/postgres/pglite-sql.ts";

const SCHEMA_PATH = fileURLToPath(new URL("schema.prisma", import.meta.url));
const MIGRATIONS_PATH = fileURLToPath(new URL("migrations", import.meta.url));
const NO_FILTERS = { externalTables: [], externalEnums: [] };

export interface SchemaEngine {
  /** The SQL from what the database holds to what the schema says. */
  diff(): Promise<string>;
  /** Does what `prisma migrate deploy` does, and returns the names of the migrations that it applied. */
  deploy(migrations: readonly Migration[]): Promise<readonly string[]>;
  /** Returns the names of applied migrations whose file has another checksum by now. */
  edited(migrations: readonly Migration[]): Promise<readonly string[]>;
}

/** An engine over this database. */
export async function openSchemaEngine(pglite: PGlite): Promise<SchemaEngine> {
  const schema = await readFile(SCHEMA_PATH, "utf8");
  const factory = bindMigrationAwareSqlAdapterFactory(new PrismaPGlite(pglite));
  const engine = await PrismaEngine.new({ datamodels: [[SCHEMA_PATH, schema]] }, () => {}, factory);
  const files = [{ path: SCHEMA_PATH, content: schema }];
  return {
    async diff() {
      const { stdout } = await engine.diff({
        from: { tag: "schemaDatasource", files, configDir: dirname(SCHEMA_PATH) },
        to: { tag: "schemaDatamodel", files },
        script: true,
        exitCode: null,
        filters: NO_FILTERS,
      });
      return stdout ?? "";
    },
    async deploy(migrations) {
      const applied = await engine.applyMigrations({ migrationsList: listOf(migrations), filters: NO_FILTERS });
      return applied.appliedMigrationNames;
    },
    async edited(migrations) {
      const { editedMigrationNames } = await engine.diagnoseMigrationHistory({
        migrationsList: listOf(migrations),
        optInToShadowDatabase: false,
        filters: NO_FILTERS,
      });
      return editedMigrationNames;
    },
  };
}

function listOf(migrations: readonly Migration[]) {
  return {
    baseDir: MIGRATIONS_PATH,
    lockfile: { path: "migration_lock.toml", content: 'provider = "postgresql"\n' },
    shadowDbInitScript: "",
    migrationDirectories: migrations.map(({ name, text }) => ({
      path: name,
      migrationFile: { path: "migration.sql", content: { tag: "ok" as const, value: text } },
    })),
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const pglite = await PGlite.create();
  await migrate(pgliteSql(pglite), await readMigrations());
  console.log(await (await openSchemaEngine(pglite)).diff());
  await pglite.close();
}
