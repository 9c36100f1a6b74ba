import type { JsonValue } from "@hsafa/protocol";

/**
 * Writes JSON as lines that are compared and read. Names are sorted, so the same value gives the same lines. A text of
 * several lines stands line by line, as a person wrote it.
 */
export function jsonLines(value: JsonValue): string[] {
  return linesOf(value, "", "");
}

function linesOf(value: JsonValue, indent: string, lead: string): string[] {
  if (typeof value === "string" && value.includes("\n")) {
    return [`${indent}${lead}"""`, ...value.split("\n").map((line) => `${indent}  ${line}`), `${indent}"""`];
  }
  if (typeof value !== "object" || value === null) return [`${indent}${lead}${JSON.stringify(value)}`];
  const inner = `${indent}  `;
  if (Array.isArray(value)) {
    if (value.length === 0) return [`${indent}${lead}[]`];
    return [`${indent}${lead}[`, ...value.flatMap((item) => linesOf(item, inner, "")), `${indent}]`];
  }
  const entries = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  if (entries.length === 0) return [`${indent}${lead}{}`];
  const within = entries.flatMap(([name, item]) => linesOf(item, inner, `${JSON.stringify(name)}: `));
  return [`${indent}${lead}{`, ...within, `${indent}}`];
}
