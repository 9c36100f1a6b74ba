import { existsSync, globSync, readFileSync } from "node:fs";
import { isBuiltin } from "node:module";
import { dirname, join } from "node:path";
import { parseSync } from "oxc-parser";

/** The part of a published manifest that says which packages its code may import. */
export interface PublishedManifest {
  readonly name: string;
  readonly imports?: Readonly<Record<string, unknown>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

/**
 * Checks a built package before anybody publishes it. Returns one sentence for each fault:
 *
 * 1. A file of a test lies in it.
 * 2. Its code imports a package that its manifest does not name, so it would not start elsewhere.
 * 3. Its code imports a file that is not in it.
 */
export function publishedFaults(dist: string, manifest: PublishedManifest): string[] {
  const known = new Set([manifest.name, ...Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies })]);
  const files = globSync("**/*.*", { cwd: dist });

  // 1.
  const faults = files.filter(isOfTest).map((file) => `${file} belongs to a test`);
  for (const file of files.filter((name) => name.endsWith(".js"))) {
    for (const specifier of importsOf(join(dist, file))) {
      if (isBuiltin(specifier)) continue;
      if (specifier.startsWith("#")) {
        if (manifest.imports?.[specifier] === undefined) faults.push(`${file} imports ${specifier}, which is missing`);
        continue;
      }
      if (specifier.startsWith(".")) {
        // 3.
        if (!existsSync(join(dist, dirname(file), specifier)))
          faults.push(`${file} imports ${specifier}, which is missing`);
        continue;
      }
      // 2.
      const name = /^(@[^/]+\/[^/]+|[^/]+)/.exec(specifier)?.[0] ?? specifier;
      if (!known.has(name)) faults.push(`${file} imports ${name}, which is no dependency of ${manifest.name}`);
    }
  }
  return faults;
}

function isOfTest(file: string): boolean {
  return /(^|\/)(test|bench)\/|\.(test|suite)\./.test(file);
}

/** Returns what a built file imports, in the order of the text. */
export function importsOf(path: string): string[] {
  const text = readFileSync(path, "utf8");
  const { module } = parseSync(path, text);
  return [
    ...module.staticImports.map(({ moduleRequest }) => moduleRequest.value),
    ...module.staticExports.flatMap(({ entries }) =>
      entries.flatMap(({ moduleRequest }) => moduleRequest?.value ?? []),
    ),
    ...module.dynamicImports.flatMap(({ moduleRequest }) => {
      const literal = /^(["'])(?<specifier>[^"'\\]+)\1$/.exec(text.slice(moduleRequest.start, moduleRequest.end));
      return literal?.groups?.specifier ?? [];
    }),
  ];
}
