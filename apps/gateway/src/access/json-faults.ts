import type { ValidationFault } from "./schema-faults.ts";

interface Visit {
  readonly value: object;
  readonly depth: number;
  readonly parent: Visit | null;
  readonly key: string;
}

/**
 * What makes parsed JSON unfit to be kept, or null: nesting beyond `depthMax`, half a surrogate pair (which has no
 * canonical form), a key that means something to JavaScript. It keeps its own stack, since whatever recurses over such
 * a value would overflow (schemas, `JSON.stringify`).
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
 * Written only for a fault: a body may hold a hundred thousand values. The outermost key is that of the wrapping array.
 */
function pathOf(visit: Visit, key: string): string {
  const keys = [key];
  for (let at: Visit | null = visit; at !== null && at.parent !== null; at = at.parent) keys.unshift(at.key);
  return keys.slice(1).join(".");
}

/** Why a text of a path or a query names nothing that could be kept, or null. */
export function textFault(text: string): string | null {
  return text.includes("\u0000") ? "holds a NUL character" : surrogateFault(text);
}

function surrogateFault(text: string): string | null {
  return text.isWellFormed() ? null : "holds half of a surrogate pair, which is no Unicode text";
}
