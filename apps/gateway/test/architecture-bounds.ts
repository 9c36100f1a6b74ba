import { type Expression, type PrivateIdentifier, Visitor } from "oxc-parser";
import { parse, type Source } from "./architecture-source.ts";

/** Numbers that bound nothing. They identify something outside, so their place is beside what uses them. */
const identities = new Set(["BROKEN", "FOR_OTHERS", "LIFELINES", "LOCK_KEY", "OPEN", "STICKY"]);

/** R9: returns one fault for each constant number that is declared outside of a `limits.ts`. */
export function boundFaults(source: Source): string[] {
  if (source.path.endsWith("/limits.ts")) return [];
  const faults: string[] = [];
  new Visitor({
    VariableDeclaration: ({ kind, declarations }) => {
      if (kind !== "const") return;
      for (const { id, init } of declarations) {
        if (id.type !== "Identifier" || !/^[A-Z][A-Z0-9_]*$/.test(id.name) || identities.has(id.name)) continue;
        if (init === null || !isNumber(init)) continue;
        faults.push(`${source.path}: ${id.name} is a bound, whose place is the limits.ts of its layer (R9)`);
      }
    },
  }).visit(parse(source).program);
  return faults;
}

/** Whether a constant's value is a number: written out, or computed from one that is. */
function isNumber(value: Expression | PrivateIdentifier): boolean {
  switch (value.type) {
    case "Literal":
      return typeof value.value === "number";
    case "UnaryExpression":
      return isNumber(value.argument);
    case "BinaryExpression":
      return isNumber(value.left) || isNumber(value.right);
    default:
      return false;
  }
}
