import type { JsonValue } from "@hsafa/protocol";
import type { ConfigChange } from "./config-diff.ts";
import { COMMON_CHARACTERS_SHOWN } from "./limits.ts";
import { brief, own, type Shown, styled } from "./shown.ts";

/** What a tool of the gateway always sends may be a credential, so it is never printed. */
const FIXED = /\.server\.(headers|query|body)(\.|$)/;

/** Returns a change on one line: `+` what is new, `-` what is gone, `~` what is said otherwise. */
export function describeChange({ path, before, after }: ConfigChange): Shown {
  const isFixed = FIXED.test(path);
  const show = (value: JsonValue): Shown => (isFixed ? own`(not shown)` : brief(withoutFixed(value)));
  if (before === undefined && after !== undefined) return styled("green", own`  + ${path}  ${show(after)}`);
  if (after === undefined && before !== undefined) return styled("red", own`  - ${path}  ${show(before)}`);
  if (before === undefined || after === undefined) return own`  ~ ${path}`;
  if (typeof before === "string" && typeof after === "string" && !isFixed) {
    const { from, to } = whereTheyDiffer(before, after);
    return styled("yellow", own`  ~ ${path}  ${brief(from)} -> ${brief(to)}`);
  }
  return styled("yellow", own`  ~ ${path}  ${show(before)} -> ${show(after)}`);
}

/** A whole tool or server holds what it always sends further inside. */
function withoutFixed(value: JsonValue, key = ""): JsonValue {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map((item) => withoutFixed(item));
  if (key === "headers" || key === "query" || key === "body") return "(not shown)";
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, withoutFixed(item, name)]));
}

/** Long texts are shown from a little before their first difference. */
function whereTheyDiffer(before: string, after: string): { readonly from: string; readonly to: string } {
  let at = 0;
  while (at < before.length && before[at] === after[at]) at += 1;
  const start = Math.max(0, at - COMMON_CHARACTERS_SHOWN);
  const cut = (text: string): string => JSON.stringify(start === 0 ? text : `...${text.slice(start)}`);
  return { from: cut(before), to: cut(after) };
}
