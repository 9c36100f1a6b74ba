/**
 * `npm run build`: builds what is published. Each workspace's `dist/` becomes a package; publish it with `npm publish
 * <workspace>/dist`. It holds JavaScript and types under the same paths as the sources, because Node strips no types
 * under `node_modules`. Its manifest points at them.
 *
 * 1. No package holds a test, or anything that only tests use.
 * 2. A package imports nothing that its manifest does not bring along.
 */
import { spawnSync } from "node:child_process";
import { copyFileSync, cpSync, existsSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, relative } from "node:path";
import { publishedFaults } from "./published-faults.ts";

interface Manifest {
  name: string;
  exports?: Record<string, string>;
  /** Files and folders that are published beside the code, for example migrations. */
  files?: string[];
  private?: boolean;
  scripts?: Record<string, string>;
  devDependencies?: Record<string, string>;
  [field: string]: unknown;
}

const root = join(import.meta.dirname, "..");
const { workspaces } = readJson(join(root, "package.json")) as { workspaces: string[] };
const typescript = createRequire(import.meta.url).resolve("typescript/package.json");
const compiler = join(dirname(typescript), (readJson(typescript) as { bin: { tsc: string } }).bin.tsc);

/** The types of the workspaces built so far, by import name. Their sources lie outside of the one being built. */
const builtTypes: Record<string, string[]> = {};

// The root manifest lists each workspace after those it depends on.
for (const workspace of workspaces) build(join(root, workspace));

function build(folder: string): void {
  const dist = join(folder, "dist");
  const manifest = readJson(join(folder, "package.json")) as Manifest;
  rmSync(dist, { recursive: true, force: true });
  mkdirSync(dist);
  compile(folder, dist);
  copyAssets(folder, dist, manifest.files ?? []);
  writeFileSync(join(dist, "package.json"), `${JSON.stringify(publishedManifest(manifest), null, 2)}\n`);
  for (const [subpath, source] of Object.entries(manifest.exports ?? {})) {
    builtTypes[join(manifest.name, subpath)] = [join(dist, built(source, ".d.ts"))];
  }
  // 1. and 2.
  const faults = publishedFaults(dist);
  if (faults.length > 0) throw new Error(`${relative(root, dist)} must not be published:\n${faults.join("\n")}`);
  console.log(`built ${relative(root, dist)}`);
}

function compile(folder: string, dist: string): void {
  const portable = join(folder, "tsconfig.portable.json");
  const config = join(dist, "tsconfig.json");
  const settings = {
    extends: existsSync(portable) ? portable : join(folder, "tsconfig.json"),
    compilerOptions: {
      noEmit: false,
      rootDir: folder,
      outDir: dist,
      declaration: true,
      sourceMap: true,
      inlineSources: true,
      rewriteRelativeImportExtensions: true,
      paths: builtTypes,
    },
    include: [join(folder, "src"), join(folder, "bin")],
    exclude: [join(folder, "**/*.test.ts"), join(folder, "**/test/**")],
  };
  writeFileSync(config, JSON.stringify(settings));
  const { status } = spawnSync(process.execPath, [compiler, "-p", config], { stdio: ["ignore", "inherit", "inherit"] });
  rmSync(config);
  if (status !== 0) throw new Error(`${relative(root, folder)} does not compile`);
}

/** Copies what is no TypeScript (SQL, Lua, an empty database) to the same place beside the code that reads it. */
function copyAssets(folder: string, dist: string, published: string[]): void {
  const beside = globSync("src/**/*.*", { cwd: folder, exclude: ["**/test/**"] }).filter(
    (path) => !/\.tsx?$/.test(path),
  );
  for (const path of [...beside, ...published]) cpSync(join(folder, path), join(dist, path), { recursive: true });
  copyFileSync(join(root, "LICENSE"), join(dist, "LICENSE"));
  if (existsSync(join(folder, "README.md"))) copyFileSync(join(folder, "README.md"), join(dist, "README.md"));
}

function publishedManifest(manifest: Manifest): Record<string, unknown> {
  // The sources are private, so that nobody publishes them by mistake. `files` would leave out what was built.
  const { private: _private, scripts: _scripts, devDependencies: _devDependencies, files: _files, ...kept } = manifest;
  if (manifest.exports === undefined) return kept;
  const exported = Object.entries(manifest.exports).map(([subpath, source]) => [
    subpath,
    { types: built(source, ".d.ts"), default: built(source, ".js") },
  ]);
  return { ...kept, exports: Object.fromEntries(exported) as unknown };
}

function built(source: string, extension: ".js" | ".d.ts"): string {
  return source.replace(/\.tsx?$/, extension);
}

function readJson(path: string): unknown {
  return JSON.parse(readFileSync(path, "utf8"));
}
