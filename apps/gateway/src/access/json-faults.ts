import type { ValidationFault } from "./schema-faults.ts";

interface Visit {
  readonly value: object;
  readonly depth: number;
  readonly parent: Visit | null;
  readonly key: string;
}

/**
 * Returns why parsed JSON cannot be kept, or null. Faults are nesting beyond `depthMax`, half a surrogate pair (it has
 * no canonical form), and a key that means something to JavaScript. The function has a stack of its own: recursion over
 * such a value would overflow, as it would in schemas and in `JSON.stringify`.
 */
export function jsonFault(value: unknown, depthMax: number): ValidationFault | null {
  const open: Visit[] = [{ value: [value], depth: -1, parent: null, key: "" }];
  for (let visit = open.pop(); visit !== undefined; visit = open.pop()) {
    const depth = visit.depth + 1;
    for (const [key, child] of Object.entries(visit.value) as [string, unknown][]) {
      const message =
        key === "__proto__"
          ? "is a name that is not taken"
          : (surrogateFault(key) ?? childFault(child, depth, depthMax));
      if (message !== null) return { path: pathOf(visit, key), message };
      if (typeof child === "object" && child !== null) open.push({ value: child, depth, parent: visit, key });
    }
  }
  return null;
}

function childFault(child: unknown, depth: number, depthMax: number): string | null {
  if (typeof child === "string") return surrogateFault(child);
  if (typeof child === "object" && child !== null && depth >= depthMax)
    return `is nested deeper than ${depthMax} levels`;
  return null;
}

/**
 * The path is made only for a fault, because a body may hold a hundred thousand values. The first key is dropped: it is
 * that of the wrapping array.
 */
function pathOf(visit: Visit, key: string): string {
  const keys = [key];
  for (let at: Visit | null = visit; at !== null && at.parent !== null; at = at.parent) keys.unshift(at.key);
  return keys.slice(1).join(".");
}

/** Returns why a text of a path or a query cannot be kept, or null. */
export function textFault(text: string): string | null {
  return text.includes("\u0000") ? "holds a NUL character" : surrogateFault(text);
}

function surrogateFault(text: string): string | null {
  return text.isWellFormed() ? null : "holds half of a surrogate pair, which is no Unicode text";
}
