/**
 * Whether any object fits a schema, as far as its keywords tell. A run with an `outputSchema` that no object fits would
 * ask its model again and again, and fail.
 *
 * 1. What a schema requires of the very same kind of object, without end, no finite object has.
 * 2. A schema is taken for impossible until a value of it is found. So the answer grows from passes over the whole
 *    schema, until one finds nothing new. A schema whose references lead far takes several.
 * 3. What the keywords alone do not tell, such as a pattern that nothing matches, is not found here.
 */
import type { JsonObject, JsonValue } from "@hsafa/protocol";
import { SchemaReferences } from "./schema-references.ts";

/** Returns why no object fits the schema, or null. It takes a time that the caller bounds. */
export function whyUnfillable(schema: JsonObject): string | null {
  if (schema.type !== "object") return 'its root needs "type": "object", since a run ends with an object';
  const possible = new Set<JsonObject>();
  const references = new SchemaReferences(schema);
  while (true) {
    const known = possible.size;
    const why = new Pass(references, possible).why(schema);
    if (why === null) return null;
    if (known === possible.size) return `no object fits it: ${why}`;
  }
}

const TYPES = ["object", "array", "string", "number", "integer", "boolean", "null"] as const;
type TypeName = (typeof TYPES)[number];

/** One pass over a schema (2.). */
class Pass {
  readonly #references: SchemaReferences;
  readonly #possible: Set<JsonObject>;
  readonly #seen = new Map<JsonObject, string>();

  constructor(references: SchemaReferences, possible: Set<JsonObject>) {
    this.#references = references;
    this.#possible = possible;
  }

  /** Why no value fits, or null. */
  why(schema: JsonValue | undefined): string | null {
    if (schema === false) return "its schema is false";
    if (!isObject(schema) || this.#possible.has(schema)) return null;
    const seen = this.#seen.get(schema);
    if (seen !== undefined) return seen;
    this.#seen.set(schema, "it needs itself without end"); // 1.
    const why = this.#whyOf(schema);
    if (why === null) this.#possible.add(schema);
    else this.#seen.set(schema, why);
    return why;
  }

  #whyOf(schema: JsonObject): string | null {
    return (
      whyForbidden(schema) ??
      this.#whyJoined(schema) ??
      this.#whyNoBranch("anyOf", schema.anyOf) ??
      this.#whyNoBranch("oneOf", schema.oneOf) ??
      this.#whyNoType(schema)
    );
  }

  /** What must hold as well. */
  #whyJoined({ $ref, allOf }: JsonObject): string | null {
    const joined = [...listOf(allOf), this.#references.find($ref)];
    return joined.reduce<string | null>((why, part) => why ?? this.why(part), null);
  }

  #whyNoBranch(keyword: string, branches: JsonValue | undefined): string | null {
    const whys = listOf(branches).map((branch) => this.why(branch));
    const isPossible = whys.length === 0 || whys.includes(null);
    return isPossible ? null : `no branch of its '${keyword}' can be given: ${whys[0]}`;
  }

  #whyNoType(schema: JsonObject): string | null {
    const types = this.#typesOf(schema);
    if (types.length === 0) return "its parts ask for different types";
    const values = schema.const === undefined ? schema.enum : [schema.const];
    if (Array.isArray(values)) {
      const fits = values.some((value) => types.some((type) => isOfType(value, type)));
      return fits ? null : "none of its values has its type";
    }
    const whys = types.map((type) => this.#whyNone(type, schema));
    return whys.includes(null) ? null : (whys[0] ?? null);
  }

  /** The types that the schema allows, together with what must hold as well. */
  #typesOf(schema: JsonObject): readonly TypeName[] {
    const joined = [schema, ...listOf(schema.allOf), this.#references.find(schema.$ref)];
    return TYPES.filter((type) =>
      joined.every((part) => {
        const allowed = isObject(part) ? part.type : undefined;
        if (allowed === undefined) return true;
        const names = Array.isArray(allowed) ? allowed : [allowed];
        return names.includes(type) || (type === "integer" && names.includes("number"));
      }),
    );
  }

  /** Why there is no value of this type. */
  #whyNone(type: TypeName, schema: JsonObject): string | null {
    switch (type) {
      case "object":
        return this.#whyNoObject(schema);
      case "array":
        return this.#whyNoArray(schema);
      case "string":
        return crossed(schema, "minLength", "maxLength");
      case "number":
      case "integer":
        return whyNoNumber(schema, type === "integer");
      case "boolean":
      case "null":
        return null;
      default:
        return type satisfies never;
    }
  }

  #whyNoObject(schema: JsonObject): string | null {
    const names = listOf(schema.required).filter((name) => typeof name === "string");
    if (typeof schema.maxProperties === "number" && names.length > schema.maxProperties)
      return "it requires more properties than maxProperties allows";
    for (const name of names) {
      const why = this.#whyNoProperty(schema, name);
      if (why !== null) return `the required property '${name}' can never be given: ${why}`;
    }
    return crossed(schema, "minProperties", "maxProperties");
  }

  #whyNoProperty({ properties, patternProperties, additionalProperties }: JsonObject, name: string): string | null {
    if (isObject(properties) && Object.hasOwn(properties, name)) return this.why(properties[name]);
    if (isObject(patternProperties) && Object.keys(patternProperties).length > 0) return null;
    return additionalProperties === false
      ? "'properties' does not name it, and 'additionalProperties' is false"
      : this.why(additionalProperties);
  }

  #whyNoArray(schema: JsonObject): string | null {
    const { items, prefixItems, additionalItems, contains, minContains } = schema;
    const least = typeof schema.minItems === "number" ? schema.minItems : 0;
    const first = Array.isArray(items) ? items : listOf(prefixItems);
    for (const [index, item] of first.slice(0, least).entries()) {
      const why = this.why(item);
      if (why !== null) return `its item ${index} can never be given: ${why}`;
    }
    const whyRest = least > first.length ? this.why(Array.isArray(items) ? additionalItems : items) : null;
    if (whyRest !== null) return `its items can never be given: ${whyRest}`;
    const whyContains = minContains === 0 ? null : this.why(contains);
    if (whyContains !== null) return `what it must contain can never be given: ${whyContains}`;
    return crossed(schema, "minItems", "maxItems");
  }
}

function whyForbidden({ not }: JsonObject): string | null {
  const forbidsAll = not === true || (isObject(not) && Object.keys(not).length === 0);
  return forbidsAll ? "its 'not' forbids everything" : null;
}

function whyNoNumber(schema: JsonObject, isInteger: boolean): string | null {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum } = schema;
  const least = Math.max(...numbersOf(minimum, exclusiveMinimum));
  const most = Math.min(...numbersOf(maximum, exclusiveMaximum));
  const isLeastOut = least === exclusiveMinimum;
  const isMostOut = most === exclusiveMaximum;
  if (least > most || (least === most && (isLeastOut || isMostOut))) return `no number is between ${least} and ${most}`;
  if (!isInteger) return null;
  const first = isLeastOut ? Math.floor(least) + 1 : Math.ceil(least);
  const last = isMostOut ? Math.ceil(most) - 1 : Math.floor(most);
  return first > last ? `no whole number is between ${least} and ${most}` : null;
}

function numbersOf(...values: readonly (JsonValue | undefined)[]): number[] {
  return values.filter((value) => typeof value === "number");
}

function crossed(schema: JsonObject, least: string, most: string): string | null {
  const [from, to] = [schema[least], schema[most]];
  return typeof from === "number" && typeof to === "number" && from > to ? `its ${least} is above its ${most}` : null;
}

function isOfType(value: JsonValue, type: TypeName): boolean {
  switch (type) {
    case "null":
      return value === null;
    case "array":
      return Array.isArray(value);
    case "object":
      return isObject(value);
    case "integer":
      return Number.isInteger(value);
    case "boolean":
    case "number":
    case "string":
      return typeof value === type;
    default:
      return type satisfies never;
  }
}

function listOf(value: JsonValue | undefined): readonly JsonValue[] {
  return Array.isArray(value) ? value : [];
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
