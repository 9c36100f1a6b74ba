/**
 * `npm run build`: what is published. Each workspace's `dist/` becomes a package of its own (publish with `npm publish
 * <workspace>/dist`): built JavaScript with its types under the same paths as the sources, and a manifest whose exports
 * point at them, since Node strips no types under `node_modules`.
 */
import { spawnSync } from "node:child_process";
import { copyFileSync, cpSync, existsSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, relative } from "node:path";

interface Manifest {
  name: string;
  exports?: Record<string, string>;
  /** What is published beside the code: migrations, say. */
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

/**
 * Where the compiler finds the types of the workspaces built so far: their sources lie outside of the one being built.
 */
const builtTypes: Record<string, string[]> = {};

// The order of the list is that of their dependencies.
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
    exclude: [join(folder, "src/**/*.test.ts")],
  };
  writeFileSync(config, JSON.stringify(settings));
  const { status } = spawnSync(process.execPath, [compiler, "-p", config], { stdio: ["ignore", "inherit", "inherit"] });
  rmSync(config);
  if (status !== 0) throw new Error(`${relative(root, folder)} does not compile`);
}

/** SQL, Lua and the like keep their places beside the code that reads them. */
function copyAssets(folder: string, dist: string, published: string[]): void {
  const beside = globSync("src/**/*.*", { cwd: folder }).filter((path) => !/\.tsx?$/.test(path));
  for (const path of [...beside, ...published]) cpSync(join(folder, path), join(dist, path), { recursive: true });
  copyFileSync(join(root, "LICENSE"), join(dist, "LICENSE"));
  if (existsSync(join(folder, "README.md"))) copyFileSync(join(folder, "README.md"), join(dist, "README.md"));
}

function publishedManifest(manifest: Manifest): Record<string, unknown> {
  // The sources are private, so that nobody publishes them by mistake; `files` would hide what was built.
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
