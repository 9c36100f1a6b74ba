/** Reads sources for the rules of the architecture. */
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseSync, Visitor } from "oxc-parser";

export interface Source {
  /** From the root of the repository, with `/`. */
  path: string;
  text: string;
}

interface Import {
  specifier: string;
  /** Only types are imported, so the import is gone when the program runs. */
  typesOnly: boolean;
}

/** Stands for a specifier that is computed. It cannot be checked, so no layer may have it. */
export const COMPUTED = "<computed>";

const root = join(import.meta.dirname, "../../..");

/** Every source of this repository, generated code left out. */
export function repositorySources(): Source[] {
  const paths = globSync("{packages,apps}/*/{src,bin,test}/**/*.{ts,tsx,js}", {
    cwd: root,
    exclude: (path) => /(^|\/)(node_modules|dist|generated)$/.test(path),
  });
  if (paths.length < 100) throw new Error(`${root} holds only ${paths.length} sources; is this the repository?`);
  return paths.map((path) => ({ path, text: readFileSync(join(root, path), "utf8") }));
}

export function isTest(path: string): boolean {
  return /\.test\.ts$|\/test\//.test(path);
}

export function parse({ path, text }: Source): ReturnType<typeof parseSync> {
  const parsed = parseSync(path, text);
  const [error] = parsed.errors;
  if (error !== undefined) throw new Error(`${path} cannot be parsed: ${error.message}`);
  return parsed;
}

export function importsOf({ path, text }: Source): Import[] {
  const { module, program } = parse({ path, text });
  const imports: Import[] = [
    ...module.staticImports.map(({ moduleRequest, entries }) => ({
      specifier: moduleRequest.value,
      typesOnly: entries.length > 0 && entries.every((entry) => entry.isType),
    })),
    ...module.staticExports.flatMap(({ entries }) =>
      entries.flatMap(({ moduleRequest, isType }) =>
        moduleRequest === null ? [] : [{ specifier: moduleRequest.value, typesOnly: isType }],
      ),
    ),
  ];
  new Visitor({
    ImportExpression: ({ source }) => {
      const literal = source.type === "Literal" && typeof source.value === "string" ? source.value : undefined;
      imports.push({ specifier: literal ?? COMPUTED, typesOnly: false });
    },
    TSImportType: ({ source }) => {
      imports.push({ specifier: source.value, typesOnly: true });
    },
  }).visit(program);
  return imports;
}
