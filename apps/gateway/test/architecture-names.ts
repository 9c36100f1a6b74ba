import { isTest, parse, type Source } from "./architecture-source.ts";

/** Folders and files must bear the name of a concept. These name none. */
const emptyNames = /(^|-)(utils?|helpers?|common|lib|parts|misc|stuff|shared)$/;

/** Files that need not bear the name of an export, and why. */
const namedOtherwise: readonly { readonly path: RegExp; readonly because: string }[] = [
  { path: /\/index\.ts$/, because: "it lists what a package exports" },
  { path: /\/main\.tsx?$/, because: "it is a program and exports nothing" },
  { path: /\/limits\.ts$/, because: "it lists the bounds of its layer" },
  { path: /\/config\.ts$/, because: "it reads the environment, and exports what it reads" },
  // In these files several exports have equal weight, so that the file bears the name of what they have in common.
  { path: /\/read-[a-z-]+\.ts$/, because: "it holds the reads of one kind of row" },
  { path: /\/access\/(run|thread)-visibility\.ts$/, because: "it holds the rules of what a principal may see" },
  { path: /\/core\/(call-facts|run-ends)\.ts$/, because: "it holds the facts that several rules decide" },
  { path: /\/control\/input-refusals\.ts$/, because: "it holds the refusals that several use cases share" },
  { path: /\/postgres\/(status-lists|recipient-columns)\.ts$/, because: "it holds fragments of SQL" },
  { path: /\/cli\/src\/terminal\.ts$/, because: "it holds what writes to a terminal" },
];

/** Returns one fault for each name that names no concept, and for a file that does not bear its main export's name. */
export function nameFaults(source: Source): string[] {
  const { path } = source;
  const segments = path.split("/").map((segment) => segment.split(".")[0] ?? "");
  const faults = segments
    .filter((segment) => emptyNames.test(segment))
    .map((segment) => `${path}: '${segment}' names no concept; name the file or folder after what it holds`);
  if (isTest(path) || !/\/src\//.test(path) || namedOtherwise.some((exempt) => exempt.path.test(path))) return faults;
  const name = segments.at(-1) ?? "";
  const exported = exportedNames(source);
  if (exported.some((one) => carries(one, name))) return faults;
  return [...faults, `${path}: no export carries the file's name; it exports ${exported.join(", ") || "nothing"}`];
}

function exportedNames(source: Source): string[] {
  return parse(source).module.staticExports.flatMap(({ entries }) =>
    entries.flatMap(({ exportName }) => exportName.name ?? []),
  );
}

/**
 * Whether the words of the file's name stand in the export's name, one after the other: `createFollowHub` carries
 * `follow-hub`. A plural counts as its singular, and `openApi` as `openapi`.
 */
function carries(exported: string, fileName: string): boolean {
  const words = wordsOf(exported);
  return words.includes(wordsOf(fileName)) || words.replaceAll("-", "") === fileName;
}

function wordsOf(name: string): string {
  const kebab = name
    .replaceAll(/([a-z0-9])([A-Z])/g, "$1-$2")
    .replaceAll(/([A-Z])([A-Z][a-z])/g, "$1-$2")
    .replaceAll("_", "-")
    .toLowerCase();
  return `-${kebab
    .split("-")
    .map((word) => word.replace(/s$/, ""))
    .join("-")}-`;
}
