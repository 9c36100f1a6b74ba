/** Which packages a module loads when the program runs: its imports, and theirs. Imports of types are erased. */
import { dirname, join } from "node:path/posix";
import { parseSync, Visitor } from "oxc-parser";

/** Reads a source by its path. */
export type ReadSource = (path: string) => string;

/** What is reachable from a module. */
export interface Reachable {
  /** The sources, by their paths. */
  readonly sources: readonly string[];
  /** The specifiers that are not followed, with the source that imports them. */
  readonly foreign: readonly { readonly specifier: string; readonly importer: string }[];
}

/** Follows relative imports, and those in `entries`, which names the source of each package that is followed too. */
export function reachableFrom(entry: string, entries: Readonly<Record<string, string>>, read: ReadSource): Reachable {
  const sources = new Set<string>();
  const foreign: { specifier: string; importer: string }[] = [];
  const waiting = [entry];
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    if (sources.has(path)) continue;
    sources.add(path);
    for (const specifier of runtimeImportsOf(path, read(path))) {
      const followed = specifier.startsWith(".") ? join(dirname(path), specifier) : entries[specifier];
      if (followed === undefined) foreign.push({ specifier, importer: path });
      else waiting.push(followed);
    }
  }
  return { sources: [...sources].toSorted(), foreign };
}

function runtimeImportsOf(path: string, text: string): string[] {
  const { module, program } = parseSync(path, text);
  const imports = [
    ...module.staticImports
      .filter(({ entries }) => entries.length === 0 || entries.some(({ isType }) => !isType))
      .map(({ moduleRequest }) => moduleRequest.value),
    ...module.staticExports.flatMap(({ entries }) =>
      entries.flatMap(({ moduleRequest, isType }) => (moduleRequest === null || isType ? [] : [moduleRequest.value])),
    ),
  ];
  new Visitor({
    // A specifier that is computed cannot be followed, and counts as foreign.
    ImportExpression: ({ source }) => {
      imports.push(source.type === "Literal" && typeof source.value === "string" ? source.value : "<computed>");
    },
  }).visit(program);
  return [...new Set(imports)];
}
