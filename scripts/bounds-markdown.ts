import { readFileSync } from "node:fs";
import { glob } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const root = join(import.meta.dirname, "..");

/** What a name says of its unit. */
const UNITS: readonly (readonly [RegExp, string])[] = [
  [/_MS(_|$)/, "ms"],
  [/_S(_|$)/, "s"],
  [/_MB(_|$)/, "MB"],
  [/BYTES/, "bytes"],
  [/CHARACTERS/, "characters"],
];

/** One bound of a `limits.ts`. */
export interface Bound {
  /** The folder of its file, as a reader of the code names it: `edge`, `adapters/ajv`, `packages/client`. */
  readonly layer: string;
  readonly name: string;
  readonly value: string;
  /** The first sentence of the comment above it, or above the first bound of its group. */
  readonly meaning: string;
}

/** Every bound of the repository, layer by layer, in the order of its file. */
export const bounds: readonly Bound[] = await readBounds();

/** Returns all bounds as a Markdown table. */
export function boundsMarkdown(): string {
  const rows = bounds.map(
    ({ layer, name, value, meaning }) => `| \`${layer}\` | \`${name}\` | ${value} | ${meaning} |`,
  );
  return ["| layer | bound | value | what it bounds |", "|---|---|---|---|", ...rows].join("\n");
}

async function readBounds(): Promise<Bound[]> {
  const paths: string[] = [];
  for await (const path of glob("{packages,apps}/*/src/**/limits.ts", { cwd: root })) paths.push(path);
  const found: Bound[] = [];
  for (const path of paths.toSorted()) {
    const layer = path.replace(/^apps\/gateway\/src\//, "").replace(/\/(src\/)?limits\.ts$/, "");
    const values = (await import(pathToFileURL(join(root, path)).href)) as Readonly<Record<string, unknown>>;
    for (const { name, meaning } of commentedBounds(readFileSync(join(root, path), "utf8"))) {
      found.push({
        layer: layer === "limits.ts" ? "gateway" : layer,
        name,
        value: written(name, values[name]),
        meaning,
      });
    }
  }
  return found;
}

/** The constants of a source with what their comments say. Those that follow each other share the comment above. */
export function commentedBounds(source: string): { readonly name: string; readonly meaning: string }[] {
  const found: { readonly name: string; readonly meaning: string }[] = [];
  let comment: string[] = [];
  let isInComment = false;
  for (const line of source.split("\n")) {
    if (line.startsWith("/**")) {
      comment = [];
      isInComment = true;
    }
    if (isInComment) comment.push(line.replace(/^\/?\s?\*+\/?\s?/, "").replace(/\s*\*\/$/, ""));
    if (line.endsWith("*/")) isInComment = false;
    if (line.trim() === "" || line.startsWith("// ")) comment = [];
    const name = /^export const ([A-Z][A-Z0-9_]*)\b/.exec(line)?.[1];
    if (name !== undefined) found.push({ name, meaning: firstSentence(comment.join(" ").trim()) });
  }
  return found;
}

/** A sentence ends with a full stop before a capital letter, or with the text. */
function firstSentence(text: string): string {
  const end = text.search(/\.(?=\s+[A-Z`])/);
  return (end === -1 ? text : text.slice(0, end + 1)).replaceAll("|", String.raw`\|`);
}

/** A value with its unit. A unit stands in the name, as the house rule wants it. */
function written(name: string, value: unknown): string {
  if (typeof value === "number") return `${value.toLocaleString("en-US")}${unitOf(name)}`;
  if (typeof value === "string") return `\`${value}\``;
  return Object.entries(value as Readonly<Record<string, number>>)
    .map(([field, part]) => `${field} ${part.toLocaleString("en-US")}`)
    .join(", ");
}

function unitOf(name: string): string {
  const unit = UNITS.find(([pattern]) => pattern.test(name))?.[1];
  return unit === undefined ? "" : ` ${unit}`;
}
