import { spawnSync } from "node:child_process";
import { cpSync, existsSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join, relative } from "node:path";
import { buildConsole } from "./build-console.ts";
import { type PackageFormat, PACKAGES, type PublishedPackage, ROOT } from "./packages.ts";
import { publishedFaults } from "./published-faults.ts";
import { unreachableTypes } from "./unreachable-types.ts";
import { type Manifest, publishedManifest } from "./published-manifest.ts";

const compilerPackage = createRequire(import.meta.url).resolve("typescript/package.json");
const compiler = join(compilerPackage, "..", (readJson(compilerPackage) as { bin: { tsc: string } }).bin.tsc);

/** What each format asks of the compiler. */
const OPTIONS: Readonly<Record<PackageFormat, object>> = {
  esm: {},
  cjs: { module: "commonjs", moduleResolution: "bundler", verbatimModuleSyntax: false, isolatedModules: true },
};

/**
 * Builds a package into the `dist` of its workspace, and returns its manifest. It holds JavaScript and types under the
 * same paths as the sources, because Node strips no types under `node_modules`.
 *
 * 1. No package holds a test, or anything that only tests use.
 * 2. A package imports nothing that its manifest does not bring along.
 * 3. It holds no types that nobody can import. Most of the gateway's are such, each in a file of its own.
 *
 * Throws if it does not compile, or if a rule is broken.
 */
export async function buildPackage(published: PublishedPackage): Promise<Manifest> {
  const folder = join(ROOT, published.folder);
  const dist = join(folder, "dist");
  rmSync(dist, { recursive: true, force: true });
  const { part } = published;
  if (part !== undefined) {
    // The gateway serves it.
    await buildConsole();
    // First, since the package's code takes its types.
    buildWorkspace(join(ROOT, part.folder), join(dist, part.name), "esm");
  }
  for (const format of published.formats) {
    const target = format === "cjs" ? join(dist, "cjs") : dist;
    buildWorkspace(folder, target, format);
    if (format === "cjs") writeFileSync(join(target, "package.json"), `{ "type": "commonjs" }\n`);
  }
  const manifest = publishedManifest(manifestOf(published.folder), {
    formats: published.formats,
    ...(part === undefined ? {} : { part: { ...part, manifest: manifestOf(part.folder) } }),
  });
  for (const path of unreachableTypes(folder, manifest)) rmSync(join(folder, path)); // 3.
  const faults = publishedFaults(dist, manifest); // 1. and 2.
  if (faults.length > 0) throw new Error(`${relative(ROOT, dist)} must not be published:\n${faults.join("\n")}`);
  return manifest;
}

/** Returns the manifest of a workspace, by its folder. */
export function manifestOf(folder: string): Manifest {
  return readJson(join(ROOT, folder, "package.json")) as Manifest;
}

function buildWorkspace(folder: string, target: string, format: PackageFormat): void {
  mkdirSync(target, { recursive: true });
  compile(folder, target, format);
  copyAssets(folder, target, (readJson(join(folder, "package.json")) as Manifest).files ?? []);
}

function compile(folder: string, target: string, format: PackageFormat): void {
  const portable = join(folder, "tsconfig.portable.json");
  const config = join(target, "tsconfig.json");
  const settings = {
    extends: existsSync(portable) ? portable : join(folder, "tsconfig.json"),
    compilerOptions: {
      ...OPTIONS[format],
      // Node 20, and the browsers of its time.
      ...(existsSync(portable) ? { target: "es2022" } : {}),
      noEmit: false,
      rootDir: folder,
      outDir: target,
      declaration: true,
      // A page that bundles the package wants them, and takes the modules. Nobody debugs an installed gateway by its
      // sources.
      ...(existsSync(portable) && format === "esm" ? { sourceMap: true, inlineSources: true } : {}),
      rewriteRelativeImportExtensions: true,
      paths: builtTypes(format),
    },
    include: [join(folder, "src"), join(folder, "bin")],
    exclude: [join(folder, "**/*.test.ts"), join(folder, "**/test/**")],
  };
  writeFileSync(config, JSON.stringify(settings));
  const { status } = spawnSync(process.execPath, [compiler, "-p", config], { stdio: ["ignore", "inherit", "inherit"] });
  rmSync(config);
  if (status !== 0) throw new Error(`${relative(ROOT, folder)} does not compile`);
}

/** The types of packages that were built, and of parts, by import name. Their sources lie outside of the workspace. */
function builtTypes(format: PackageFormat): Record<string, string[]> {
  const types: Record<string, string[]> = {};
  for (const { folder, formats, part } of PACKAGES) {
    for (const [name, path] of Object.entries(part?.imports ?? {})) {
      types[name] = [join(ROOT, folder, "dist", part?.name ?? "", path.replace(/\.js$/, ".d.ts"))];
    }
    const { name, exports } = manifestOf(folder);
    const dist = join(ROOT, folder, "dist", format === "cjs" && formats.includes("cjs") ? "cjs" : "");
    for (const [subpath, source] of Object.entries(exports ?? {})) {
      if (source.endsWith(".ts")) types[join(name, subpath)] = [join(dist, source.replace(/\.ts$/, ".d.ts"))];
    }
  }
  return types;
}

/** Copies what is no TypeScript (SQL, Lua, an empty database) to the same place beside the code that reads it. */
function copyAssets(folder: string, target: string, needed: readonly string[]): void {
  const beside = globSync("src/**/*.*", { cwd: folder, exclude: ["**/test/**"] }).filter(
    (path) => !/\.tsx?$/.test(path),
  );
  for (const path of [...beside, ...needed]) cpSync(join(folder, path), join(target, path), { recursive: true });
}

function readJson(path: string): unknown {
  return JSON.parse(readFileSync(path, "utf8"));
}
