/**
 * `npm run pack [folder]`: builds every published package, and puts its tarball into the folder (default: `packed`).
 * `npm install <folder>/*.tgz` installs them elsewhere.
 *
 * Each is packed in a folder of its own, so that the workspaces can be used meanwhile.
 */
import { spawnSync } from "node:child_process";
import { copyFileSync, cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { buildPackage, manifestOf } from "./build-package.ts";
import { PACKAGES, ROOT } from "./packages.ts";
import { filesBesideCode } from "./published-manifest.ts";

const target = resolve(process.argv[2] ?? "packed");
mkdirSync(target, { recursive: true });
const stages = mkdtempSync(join(tmpdir(), "hsafa-pack-"));
try {
  for (const published of PACKAGES) {
    const manifest = await buildPackage(published);
    const workspace = join(ROOT, published.folder);
    const stage = join(stages, manifest.name);
    cpSync(join(workspace, "dist"), join(stage, "dist"), { recursive: true });
    copyFileSync(join(workspace, "README.md"), join(stage, "README.md"));
    copyFileSync(join(ROOT, "LICENSE"), join(stage, "LICENSE"));
    for (const file of filesBesideCode(manifestOf(published.folder)))
      copyFileSync(join(workspace, file), join(stage, file));
    writeFileSync(join(stage, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`);
    const { status } = spawnSync("npm", ["pack", "--silent", "--pack-destination", target], {
      cwd: stage,
      stdio: ["ignore", "inherit", "inherit"],
    });
    if (status !== 0) throw new Error(`${manifest.name} could not be packed`);
  }
} finally {
  rmSync(stages, { recursive: true });
}
