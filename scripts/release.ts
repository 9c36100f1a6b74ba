/**
 * `npm run release [-- --dry-run]`: publishes the packages of the version that the manifests have. What the registry
 * has already is left out, so a release that broke off goes on. With `--dry-run` nothing is sent.
 *
 * 1. Nothing is published while changes await their version, from a tree with changes, or by halves of a version.
 * 2. Each package comes after those that it depends on.
 * 3. The token is read from `NODE_AUTH_TOKEN`, and no file on disk holds it.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { manifestOf } from "./build-package.ts";
import { PACKAGES, ROOT } from "./packages.ts";
import { releaseFaults } from "./release-faults.ts";

const { values } = parseArgs({ options: { "dry-run": { type: "boolean", default: false } } });
const isDry = values["dry-run"];

function run(program: string, args: readonly string[], cwd = ROOT): { readonly isDone: boolean; readonly out: string } {
  const { status, stdout } = spawnSync(program, args, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
  return { isDone: status === 0, out: stdout.trim() };
}

const manifests = PACKAGES.map(({ folder }) => manifestOf(folder));
const faults = releaseFaults({
  isDry,
  hasToken: (process.env["NODE_AUTH_TOKEN"] ?? "") !== "",
  changedFiles: run("git", ["status", "--porcelain"]).out.split("\n").filter(Boolean),
  awaiting: readdirSync(join(ROOT, ".changeset")).filter((name) => name.endsWith(".md") && name !== "README.md"),
  versions: manifests.map(({ name, version }) => ({ name, version })),
});
for (const fault of faults) console.error(`No release: ${fault}`);
if (faults.length > 0) process.exit(1);

const folder = mkdtempSync(join(tmpdir(), "hsafa-release-"));
try {
  if (!run(process.execPath, [join(ROOT, "scripts/pack.ts"), folder]).isDone) throw new Error("packing failed");
  const registry = run("npm", ["config", "get", "registry"])
    .out.replace(/^https?:/, "")
    .replace(/\/?$/, "/");
  const settings = join(folder, "npmrc");
  // 3. npm puts the variable in when it reads the file.
  if (!isDry) writeFileSync(settings, `${registry}:_authToken=\${NODE_AUTH_TOKEN}\n`);
  for (const { name, version } of manifests) {
    const tarball = `${name.replace("@", "").replace("/", "-")}-${version}.tgz`;
    if (!isDry && run("npm", ["view", `${name}@${version}`, "version"]).out === version) {
      console.log(`${name} ${version} is published already`);
      continue;
    }
    const how = isDry ? ["--dry-run", "--tag", "next"] : ["--userconfig", settings];
    if (!run("npm", ["publish", join(folder, tarball), "--access", "public", ...how]).isDone) {
      throw new Error(`${name} ${version} could not be published`);
    }
    console.log(`${name} ${version} ${isDry ? "would be" : "is"} published`);
  }
} finally {
  rmSync(folder, { recursive: true });
}
