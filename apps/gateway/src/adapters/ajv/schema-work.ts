/**
 * What a schema asks for, as far as its text alone tells. To find out costs time in proportion to the schema's length,
 * so it is done before the schema is compiled. What it does not see, the watchdog of a worker cuts off.
 *
 * 1. A `$ref` costs what it refers to. So definitions that refer twice to the next cost twice as much at each level.
 * 2. A reference back to a schema around it, for a part of the value, costs nothing more here. The value bounds it.
 * 3. A reference back to a schema around it, for the very same value, never ends.
 */
import type { JsonObject, JsonValue } from "@hsafa/protocol";
import { PATTERN_INSTRUCTIONS_MAX, SCHEMA_REFERENCES_DEEP_MAX, SCHEMA_WORK_MAX } from "./limits.ts";
import { patternInstructions } from "./pattern-instructions.ts";
import { SchemaReferences } from "./schema-references.ts";

/** Keywords whose schemas look at the same value: one schema, a list, or schemas by name. */
const SAME_VALUE = new Set([
  "allOf",
  "anyOf",
  "oneOf",
  "not",
  "if",
  "then",
  "else",
  "dependentSchemas",
  "dependencies",
]);
/** Keywords whose schemas look at parts of the value. */
const PARTS = new Set([
  "properties",
  "patternProperties",
  "additionalProperties",
  "unevaluatedProperties",
  "propertyNames",
  "items",
  "prefixItems",
  "additionalItems",
  "unevaluatedItems",
  "contains",
]);
/** Keywords that name schemas by a key of the author's own, which is no keyword. */
const BY_NAME = new Set([
  "properties",
  "patternProperties",
  "dependentSchemas",
  "dependencies",
  "$defs",
  "definitions",
]);

/** What a schema asks for; `fault` names what is too much of it, in words for its author. */
export interface SchemaWork {
  readonly patternInstructions: number;
  readonly fault: string | null;
}

/** Judges the work that a schema asks for. The schema is nested within `JSON_DEPTH_MAX`. */
export function schemaWork(schema: JsonObject): SchemaWork {
  const patterns = patternsOf(schema).reduce((sum, pattern) => sum + patternInstructions(pattern), 0);
  if (patterns > PATTERN_INSTRUCTIONS_MAX) {
    const fault =
      `its patterns are too large: with every repetition written out they have ${patterns} signs, ` +
      `and at most ${PATTERN_INSTRUCTIONS_MAX} are taken; use maxLength instead of counted repetitions`;
    return { patternInstructions: patterns, fault };
  }
  return { patternInstructions: patterns, fault: new WorkCount(schema).fault() };
}

class WorkCount {
  readonly #root: JsonObject;
  readonly #references: SchemaReferences;
  readonly #known = new Map<JsonObject, number>();
  /** Schemas that are being counted, and how many parts of the value lie between the root and each. */
  readonly #open = new Map<JsonObject, number>();
  #fault: string | null = null;

  constructor(root: JsonObject) {
    this.#root = root;
    this.#references = new SchemaReferences(root);
  }

  fault(): string | null {
    const work = this.#count(this.#root, 0);
    if (this.#fault !== null) return this.#fault;
    if (work <= SCHEMA_WORK_MAX) return null;
    return (
      `it asks for too much work: with every $ref written out it has more than ${SCHEMA_WORK_MAX} keywords; ` +
      "let definitions refer to each other less often"
    );
  }

  #count(value: JsonValue | undefined, depth: number): number {
    if (this.#fault !== null || !isObject(value)) return 1;
    const known = this.#known.get(value);
    if (known !== undefined) return known;
    const openAt = this.#open.get(value);
    if (openAt === depth) {
      this.#fault = "it refers to itself for the same value, which never ends"; // 3.
      return 1;
    }
    if (openAt !== undefined) return 1; // 2.
    if (this.#open.size >= SCHEMA_REFERENCES_DEEP_MAX) {
      this.#fault = `its references lead deeper than ${SCHEMA_REFERENCES_DEEP_MAX} schemas`;
      return 1;
    }
    this.#open.set(value, depth);
    let work = 1;
    for (const [keyword, argument] of Object.entries(value)) {
      work += 1;
      if (keyword === "$ref" || keyword === "$dynamicRef" || keyword === "$recursiveRef") {
        work += this.#count(this.#references.find(argument), depth); // 1.
      } else if (SAME_VALUE.has(keyword)) work += this.#countAll(keyword, argument, depth);
      else if (PARTS.has(keyword)) work += this.#countAll(keyword, argument, depth + 1);
    }
    this.#open.delete(value);
    const bounded = Math.min(work, 2 * SCHEMA_WORK_MAX);
    this.#known.set(value, bounded);
    return bounded;
  }

  #countAll(keyword: string, argument: JsonValue, depth: number): number {
    const schemas = Array.isArray(argument)
      ? argument
      : isObject(argument) && BY_NAME.has(keyword)
        ? Object.values(argument)
        : [argument];
    return schemas.reduce<number>((sum, schema) => sum + this.#count(schema, depth), 0);
  }
}

/** Every text that is a pattern: the argument of `pattern`, and the names under `patternProperties`. */
function patternsOf(value: JsonValue): string[] {
  if (Array.isArray(value)) return value.flatMap(patternsOf);
  if (!isObject(value)) return [];
  return Object.entries(value).flatMap(([keyword, argument]) => {
    if (keyword === "pattern" && typeof argument === "string") return [argument];
    const names = keyword === "patternProperties" && isObject(argument) ? Object.keys(argument) : [];
    return [...names, ...patternsOf(argument)];
  });
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
