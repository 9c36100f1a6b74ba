import { createHash, randomUUID } from "node:crypto";
import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { PGlite } from "@electric-sql/pglite";
import { migrate, readMigrations } from "./migrate.ts";
import { pgliteModules } from "./pglite-modules.ts";
import { pgliteSql } from "./pglite-sql.ts";

/**
 * An empty database with all migrations applied. Every embedded start on a new folder needs one. To make one takes
 * seconds, to unpack one a fraction, so it is kept as a file in the folder `generated`. Where no file can be
 * kept it is made each time.
 */
export async function pgliteTemplate(): Promise<Blob> {
  const migrations = await readMigrations();
  const path = await templatePath(migrations.map(({ name, checksum }) => `${name} ${checksum}`));
  const bytes = await readFile(path).catch(() => undefined);
  if (bytes !== undefined) return new Blob([bytes], { type: "application/x-gzip" });
  const pglite = await PGlite.create(await pgliteModules());
  try {
    await migrate(pgliteSql(pglite), migrations);
    const template = await pglite.dumpDataDir("gzip");
    await keep(path, template).catch(() => {});
    return template;
  } finally {
    await pglite.close();
  }
}

/** The path names the version of PGlite and the migrations, so a template serves no others. */
async function templatePath(applied: readonly string[]): Promise<string> {
  const entry = createRequire(import.meta.url).resolve("@electric-sql/pglite");
  const manifest = await readFile(`${dirname(entry)}/../package.json`, "utf8");
  const { version } = JSON.parse(manifest) as { version: string };
  const schema = createHash("sha256").update(applied.join()).digest("hex").slice(0, 16);
  return fileURLToPath(new URL(`generated/pglite-${version}-${schema}.tar.gz`, import.meta.url));
}

/** Puts the file there in one step: another process may be reading or making it. */
async function keep(path: string, template: Blob): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const draft = `${path}.${randomUUID()}`;
  await writeFile(draft, template.stream());
  await rename(draft, path);
  // Those of other migrations would only be carried along. A program that still needs one makes it again.
  const others = (await readdir(dirname(path))).filter((name) => name.endsWith(".tar.gz") && name !== basename(path));
  await Promise.all(others.map((name) => rm(join(dirname(path), name), { force: true })));
}
