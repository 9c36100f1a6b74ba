/**
 * `prepack` and `postpack` of each published workspace: npm packs the folder of the workspace, whose manifest names the
 * sources. So the published manifest stands there while npm packs.
 *
 * The workspace's own manifest waits beside it meanwhile. If npm is stopped halfway, the next `prepack` puts it back.
 */
import { copyFileSync, existsSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { buildPackage } from "./build-package.ts";
import { PACKAGES, ROOT } from "./packages.ts";

const workspace = process.cwd();
const index = PACKAGES.findIndex(({ folder }) => folder === relative(ROOT, workspace));
const published = PACKAGES[index];
if (published === undefined) throw new Error(`${workspace} is not published`);
const manifest = join(workspace, "package.json");
const kept = join(workspace, ".package.json.kept");
const license = join(workspace, "LICENSE");

restore();
if (process.argv[2] === "begin") {
  // Its types come from the packages before it.
  for (const before of PACKAGES.slice(0, index)) {
    if (!existsSync(join(ROOT, before.folder, "dist"))) await buildPackage(before);
  }
  const built = await buildPackage(published);
  renameSync(manifest, kept);
  writeFileSync(manifest, `${JSON.stringify(built, null, 2)}\n`);
  copyFileSync(join(ROOT, "LICENSE"), license);
}

function restore(): void {
  if (existsSync(kept)) renameSync(kept, manifest);
  rmSync(license, { force: true });
}
