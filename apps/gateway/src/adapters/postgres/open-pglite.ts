import { existsSync } from "node:fs";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { PGlite } from "@electric-sql/pglite";
import { SHARED_BUFFERS_MAX_MB } from "./limits.ts";
import { pgliteModules } from "./pglite-modules.ts";
import { pgliteTemplate } from "./pglite-template.ts";

/**
 * Opens a Postgres in this process. `folder` undefined: it is in memory, and gone at the end. A folder whose making was
 * cut short holds no data yet and would never open. A file beside it tells, and the folder is made again.
 */
export async function openPglite(folder: string | undefined): Promise<PGlite> {
  const startParams = [...PGlite.defaultStartParams, "-c", `shared_buffers=${SHARED_BUFFERS_MAX_MB}MB`];
  const common = { ...(await pgliteModules()), startParams };
  if (folder === undefined) return PGlite.create({ ...common, loadDataDir: await pgliteTemplate() });
  // A write is acknowledged after it was handed to the operating system.
  const options = { ...common, dataDir: folder, relaxedDurability: false };
  const unfinished = `${folder}.unfinished`;
  if (existsSync(unfinished)) await rm(folder, { recursive: true, force: true });
  if (existsSync(folder)) return PGlite.create(options);
  await mkdir(folder, { recursive: true });
  await writeFile(unfinished, "");
  const pglite = await PGlite.create({ ...options, loadDataDir: await pgliteTemplate() });
  await rm(unfinished, { force: true });
  return pglite;
}
