import type { JsonValue } from "@hsafa/protocol";
import fc from "fast-check";
import { oddTexts, oddValues } from "./odd-values.ts";

/** As much of JSON Schema as the schemas of the API use. */
export interface ValueSchema {
  readonly type?: string | readonly string[];
  readonly const?: JsonValue;
  readonly enum?: readonly JsonValue[];
  readonly anyOf?: readonly ValueSchema[];
  readonly oneOf?: readonly ValueSchema[];
  readonly properties?: Readonly<Record<string, ValueSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | ValueSchema;
  readonly items?: ValueSchema;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly pattern?: string;
  readonly format?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
}

const DEPTH_MAX = 7;
const LENGTH_MAX = 40;

/** Makes values that a schema takes. `known` are ids and names of what is there, so that they lead somewhere. */
export function schemaValues(schema: ValueSchema, known: readonly string[], depth = 0): fc.Arbitrary<JsonValue> {
  const inner = (one: ValueSchema): fc.Arbitrary<JsonValue> => schemaValues(one, known, depth + 1);
  if (depth > DEPTH_MAX) return fc.constant(null);
  if (schema.const !== undefined) return fc.constant(schema.const);
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum);
  const choices = schema.anyOf ?? schema.oneOf;
  if (choices !== undefined) return fc.oneof(...choices.map(inner));
  const [type] = typeof schema.type === "string" ? [schema.type] : (schema.type ?? []);
  switch (type) {
    case "object":
      return objects(schema, inner);
    case "array": {
      const least = schema.minItems ?? 0;
      const most = Math.min(schema.maxItems ?? 4, least + 4);
      return fc.array(inner(schema.items ?? {}), { minLength: least, maxLength: most });
    }
    case "string":
      return texts(schema, known);
    case "integer":
      return fc.integer({ min: schema.minimum ?? -1000, max: Math.min(schema.maximum ?? 1000, 2 ** 40) });
    case "number":
      return fc.double({ min: schema.minimum ?? -1e6, max: schema.maximum ?? 1e6, noNaN: true });
    case "boolean":
      return fc.boolean();
    case "null":
      return fc.constant(null);
    default:
      return oddValues;
  }
}

function objects(
  { properties = {}, required = [], additionalProperties }: ValueSchema,
  inner: (schema: ValueSchema) => fc.Arbitrary<JsonValue>,
): fc.Arbitrary<JsonValue> {
  const fields = Object.fromEntries(Object.entries(properties).map(([name, schema]) => [name, inner(schema)]));
  const named = fc.record(fields, { requiredKeys: required.filter((name) => name in fields) });
  if (additionalProperties === undefined || typeof additionalProperties === "boolean") {
    return named.map((value) => value as JsonValue);
  }
  const more = fc.dictionary(fc.string({ maxLength: 12 }), inner(additionalProperties), { maxKeys: 3 });
  return fc.tuple(named, more).map(([one, other]) => ({ ...other, ...one }));
}

function texts(schema: ValueSchema, known: readonly string[]): fc.Arbitrary<string> {
  const longest = Math.min(schema.maxLength ?? LENGTH_MAX, LENGTH_MAX);
  const any = fc.string({ minLength: schema.minLength ?? 0, maxLength: Math.max(longest, schema.minLength ?? 0) });
  const found = known.length === 0 ? any : fc.constantFrom(...known);
  const fitting = schema.format === "uuid" ? fc.uuid({ version: 7 }) : (matching(schema.pattern) ?? any);
  return fc.oneof(
    { weight: 10, arbitrary: found },
    { weight: 15, arbitrary: fitting },
    { weight: 1, arbitrary: oddTexts },
  );
}

function matching(pattern: string | undefined): fc.Arbitrary<string> | null {
  if (pattern === undefined) return null;
  try {
    return fc.stringMatching(new RegExp(pattern, "u"));
  } catch {
    // A pattern beyond what fast-check makes.
    return null;
  }
}
