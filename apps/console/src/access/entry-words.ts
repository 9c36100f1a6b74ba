import { type AuditEntry, isId } from "@hsafa/protocol";
import { shortId } from "../words/short-id.ts";

/** Who did it, what was done, and to what. */
export function entryWords({ by, action, outcome, targets }: AuditEntry): readonly [string, string, string] {
  const who =
    by.kind === "api_key" || by.kind === "operator" || by.kind === by.name ? by.name : `${by.name} (${by.kind})`;
  const what = Object.entries(targets).map(([name, value]) => `${name} ${isId(value) ? shortId(value) : value}`);
  return [by.subject === null ? who : `${who} for ${by.subject}`, `${action}: ${outcome}`, what.join(", ")];
}
