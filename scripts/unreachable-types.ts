import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import type { Manifest } from "./published-manifest.ts";

/** Where a declaration names another one: `from "./x.ts"`, and `import("./x.ts")` within a type. */
const NAMED = /(?:from|import\()\s*"([^"]+)"/g;

/**
 * Returns the declarations of a built package that no entry of its manifest leads to, by their paths within the
 * package's folder. Nobody can import what they declare.
 */
export function unreachableTypes(folder: string, { exports = {}, imports = {} }: Manifest): readonly string[] {
  const own = new Map(Object.entries(imports).map(([name, path]) => [name, typesOf(join(folder, path))]));
  const reached = new Set<string>();
  const waiting = declarationsIn(exports).map((path) => join(folder, path));
  for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
    if (reached.has(file) || !existsSync(file)) continue;
    reached.add(file);
    for (const [, name = ""] of readFileSync(file, "utf8").matchAll(NAMED)) {
      const named = name.startsWith(".") ? typesOf(join(dirname(file), name)) : own.get(name);
      if (named !== undefined) waiting.push(named);
    }
  }
  const all = globSync("dist/**/*.d.ts", { cwd: folder }).map((path) => join(folder, path));
  return all.filter((path) => !reached.has(path)).map((path) => relative(folder, path));
}

/** The compiler leaves the extensions of sources in declarations. */
function typesOf(path: string): string {
  return path.replace(/(?<!\.d)\.(js|tsx?)$/, ".d.ts");
}

function declarationsIn(entry: unknown): readonly string[] {
  if (typeof entry === "string") return entry.endsWith(".d.ts") ? [entry] : [];
  return typeof entry === "object" && entry !== null ? Object.values(entry).flatMap(declarationsIn) : [];
}
