import { dirname, join } from "node:path/posix";
import { importsOf, type Source } from "./architecture-source.ts";

/** The packages of this repository, by the names under which others import them. */
const packages: Readonly<Record<string, string>> = {
  "@hsafa/protocol": "packages/protocol/src/index.ts",
  "@hsafa/protocol/schema": "packages/protocol/src/schema/index.ts",
  "@hsafa/client": "packages/client/src/index.ts",
  "@hsafa/client/files": "packages/client/src/files.ts",
  "@hsafa/client/operator": "packages/client/src/operator.ts",
  "@hsafa/client/session": "packages/client/src/session.ts",
  "@hsafa/client/view": "packages/client/src/view.ts",
  "#gateway": "apps/gateway/src/gateway.ts",
  "#gateway/examine": "apps/gateway/src/examine-services.ts",
  "#gateway/main": "apps/gateway/src/main.ts",
};

/**
 * Returns one fault for each cycle of imports, types included. Files that import each other, however indirectly, are
 * one cycle.
 */
export function cycleFaults(sources: readonly Source[]): string[] {
  const paths = new Set(sources.map(({ path }) => path));
  const imports = new Map(
    sources.map((source) => [
      source.path,
      importsOf(source)
        .map(({ specifier }) => packages[specifier] ?? join(dirname(source.path), specifier))
        .filter((path) => paths.has(path)),
    ]),
  );
  return stronglyConnected(imports)
    .filter((files) => files.length > 1 || imports.get(files[0] ?? "")?.includes(files[0] ?? ""))
    .map((files) => `import cycle: ${files.toSorted().join(", ")}`);
}

/** The groups of files that reach each other (Tarjan). A file on no cycle is a group of its own. */
function stronglyConnected(imports: ReadonlyMap<string, readonly string[]>): string[][] {
  const groups: string[][] = [];
  const index = new Map<string, number>();
  const lowest = new Map<string, number>();
  const open: string[] = [];

  function visit(file: string): void {
    index.set(file, index.size);
    lowest.set(file, index.size - 1);
    open.push(file);
    for (const next of imports.get(file) ?? []) {
      if (!index.has(next)) {
        visit(next);
        lowest.set(file, Math.min(lowest.get(file) ?? 0, lowest.get(next) ?? 0));
      } else if (open.includes(next)) {
        lowest.set(file, Math.min(lowest.get(file) ?? 0, index.get(next) ?? 0));
      }
    }
    if (lowest.get(file) === index.get(file)) groups.push(open.splice(open.indexOf(file)));
  }

  for (const file of imports.keys()) if (!index.has(file)) visit(file);
  return groups;
}
