import type { PackageFormat } from "./packages.ts";

/** A `package.json`, as far as building looks at it. */
export interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly exports?: Readonly<Record<string, string>>;
  readonly imports?: Readonly<Record<string, string>>;
  readonly bin?: Readonly<Record<string, string>>;
  /** Files and folders beside the code that the package needs, for example migrations. */
  readonly files?: readonly string[];
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly [field: string]: unknown;
}

/** What a published manifest says beyond that of its workspace. */
export interface PublishedParts {
  readonly formats: readonly PackageFormat[];
  /** The manifest of the workspace that is published as a part of this one, and how it is imported. */
  readonly part?: {
    readonly manifest: Manifest;
    readonly name: string;
    readonly imports: Readonly<Record<string, string>>;
  };
}

/** Fields that only the workspace needs. `private` keeps people from publishing the sources by mistake. */
const OF_WORKSPACE = new Set(["private", "scripts", "devDependencies", "files", "exports", "imports"]);

/** Returns the manifest of the package that is built from a workspace. Its code stands in `dist`. */
export function publishedManifest(workspace: Manifest, { formats, part }: PublishedParts): Manifest {
  const kept = Object.fromEntries(Object.entries(workspace).filter(([field]) => !OF_WORKSPACE.has(field)));
  const dependencies = { ...workspace.dependencies, ...part?.manifest.dependencies };
  const dropped = new Set(part === undefined ? [] : [part.manifest.name]);
  const published: Record<string, unknown> = {
    ...kept,
    name: workspace.name,
    version: workspace.version,
    ...entries(workspace, formats),
    files: ["dist", ...filesBesideCode(workspace)],
  };
  if (workspace.bin !== undefined) {
    published.bin = Object.fromEntries(Object.entries(workspace.bin).map(([name, path]) => [name, `dist/${path}`]));
  }
  if (part !== undefined) {
    const at = ([name, path]: [string, string]): [string, string] => [name, `./dist/${part.name}/${path}`];
    published.imports = Object.fromEntries(Object.entries(part.imports).map(at));
  }
  if (Object.keys(dependencies).length > 0) {
    const brought = Object.entries(dependencies).filter(([name]) => !dropped.has(name));
    published.dependencies = Object.fromEntries(brought.toSorted(([one], [other]) => (one < other ? -1 : 1)));
  }
  return published as Manifest;
}

/** Files that are exported as they are, such as a schema. They stand at the top, where their path is short. */
export function filesBesideCode({ exports = {} }: Manifest): string[] {
  return Object.values(exports)
    .filter((path) => !/\.tsx?$/.test(path) && path !== "./package.json")
    .map((path) => path.replace(/^\.\//, ""));
}

function entries({ exports }: Manifest, formats: readonly PackageFormat[]): Record<string, unknown> {
  if (exports === undefined) return {};
  const published = Object.entries(exports).map(([subpath, source]) => [subpath, entry(source, formats)]);
  const main = exports["."];
  // Tools that know no `exports` look at `main` and `types`.
  const old =
    main === undefined || !formats.includes("cjs")
      ? {}
      : { main: builtPath(main, "cjs", ".js"), types: builtPath(main, "cjs", ".d.ts") };
  return { ...old, exports: { ...Object.fromEntries(published), "./package.json": "./package.json" } };
}

function entry(source: string, formats: readonly PackageFormat[]): unknown {
  if (!/\.tsx?$/.test(source)) return source;
  const at = (format: PackageFormat): Record<string, string> => ({
    types: builtPath(source, format, ".d.ts"),
    default: builtPath(source, format, ".js"),
  });
  return formats.includes("cjs") ? { import: at("esm"), require: at("cjs") } : at("esm");
}

/** Returns where a source is built to. A package of two formats has a folder for each. */
function builtPath(source: string, format: PackageFormat, extension: ".js" | ".d.ts"): string {
  const folder = format === "cjs" ? "./dist/cjs/" : "./dist/";
  return folder + source.replace(/^\.\//, "").replace(/\.tsx?$/, extension);
}
