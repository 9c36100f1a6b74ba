import { globSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { rolldown } from "rolldown";
import { importsOf } from "./published-faults.ts";

/**
 * Copies the used part of some packages into the built files that import them, so that the package does not depend on
 * them. What else a file imports stays an import. Types keep naming the packages; no public type comes from them.
 *
 * 1. Files that import such a package and each other become one file, so that no class of it exists twice.
 */
export async function inlinePackages(params: {
  readonly dist: string;
  readonly inlined: readonly string[];
  /** Packages that stay imports, also where an inlined package imports them. */
  readonly kept: readonly string[];
}): Promise<void> {
  const { dist } = params;
  const isInlined = isOf(params.inlined);
  const isKept = isOf(params.kept);
  const importers = new Map<string, readonly string[]>();
  for (const file of globSync("**/*.js", { cwd: dist })) {
    const path = join(dist, file);
    const imports = importsOf(path);
    if (imports.some(isInlined)) importers.set(path, imports);
  }
  const merged = new Set(
    [...importers].flatMap(([path, imports]) => imports.map((specifier) => join(dirname(path), specifier))),
  );
  for (const path of importers.keys()) {
    if (merged.has(path)) continue;
    const bundle = await rolldown({
      input: path,
      platform: "node",
      external: (specifier, importer, isResolved) => {
        if (isKept(specifier) && !isInlined(specifier)) return true;
        if (isResolved || importer === undefined || !importers.has(importer)) return false;
        return !isInlined(specifier) && !importers.has(join(dirname(importer), specifier)); // 1.
      },
    });
    const { output } = await bundle.generate({ format: "esm", codeSplitting: false });
    await bundle.close();
    writeFileSync(path, output[0].code);
  }
  for (const path of importers.keys()) if (merged.has(path)) rmSync(path);
}

/** Returns whether a specifier names one of these packages. */
function isOf(packages: readonly string[]): (specifier: string) => boolean {
  return (specifier) => packages.some((name) => specifier === name || specifier.startsWith(`${name}/`));
}
