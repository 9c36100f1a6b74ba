import type { JsonObject, JsonValue } from "@hsafa/protocol";
import { DEMO_SAMPLE_DEPTH_MAX, DEMO_SAMPLE_ITEMS_MAX } from "../limits.ts";

/**
 * Returns arguments that fit a tool's schema in the common cases: its default, first example or first choice, else the
 * simplest value. Free text is `text`.
 */
export function sampleArguments(schema: JsonObject, text: string): JsonObject {
  const sample = sampleOf(schema, { text, root: schema, depth: 0 });
  return isObject(sample) ? sample : {};
}

interface Context {
  readonly text: string;
  readonly root: JsonObject;
  readonly depth: number;
}

function sampleOf(schema: JsonValue | undefined, context: Context): JsonValue {
  if (!isObject(schema) || context.depth > DEMO_SAMPLE_DEPTH_MAX) return null;
  const inner = { ...context, depth: context.depth + 1 };
  if (schema.const !== undefined) return schema.const;
  if (schema.default !== undefined) return schema.default;
  for (const choices of [schema.enum, schema.examples]) {
    if (Array.isArray(choices) && choices[0] !== undefined) return choices[0];
  }
  if (typeof schema.$ref === "string") return sampleOf(referenced(schema.$ref, context.root), inner);
  for (const branches of [schema.anyOf, schema.oneOf]) if (Array.isArray(branches)) return sampleOf(branches[0], inner);
  if (Array.isArray(schema.allOf)) {
    const { allOf, ...own } = schema;
    return sampleOf(
      allOf.filter(isObject).reduce((merged, part) => ({ ...merged, ...part }), own),
      inner,
    );
  }

  const type = Array.isArray(schema.type) ? schema.type[0] : schema.type;
  switch (type ?? (schema.properties === undefined ? "string" : "object")) {
    case "object": {
      const properties = isObject(schema.properties) ? schema.properties : {};
      // A tool without required arguments gets all of them; it would get none otherwise.
      const required = Array.isArray(schema.required) ? schema.required.filter((name) => typeof name === "string") : [];
      const names = required.length > 0 ? required : Object.keys(properties);
      return Object.fromEntries(names.map((name) => [name, sampleOf(properties[name] ?? {}, inner)]));
    }
    case "array":
      return Array.from({ length: Math.min(numberOr(schema.minItems, 1), DEMO_SAMPLE_ITEMS_MAX) }, () =>
        sampleOf(schema.items ?? {}, inner),
      );
    case "integer":
    case "number":
      return numberOr(schema.minimum, numberOr(schema.exclusiveMinimum, 0) + 1);
    case "boolean":
      return true;
    case "null":
      return null;
    default:
      return sampleString(schema, context.text);
  }
}

const FORMATS: Readonly<Record<string, string>> = {
  date: "2026-01-01",
  "date-time": "2026-01-01T12:00:00Z",
  time: "12:00:00Z",
  email: "demo@example.com",
  uri: "https://example.com/",
  uuid: "00000000-0000-4000-8000-000000000000",
};

function sampleString(schema: JsonObject, text: string): string {
  const format = typeof schema.format === "string" ? FORMATS[schema.format] : undefined;
  const sample = format ?? (text === "" ? "demo" : text);
  return sample.slice(0, numberOr(schema.maxLength, 200)).padEnd(Math.min(numberOr(schema.minLength, 0), 200), ".");
}

function referenced(reference: string, root: JsonObject): JsonValue | undefined {
  const keys = reference.replace(/^#\/?/, "").split("/").filter(Boolean);
  return keys.reduce<JsonValue | undefined>((at, key) => (isObject(at) ? at[key] : undefined), root);
}

function numberOr(value: JsonValue | undefined, otherwise: number): number {
  return typeof value === "number" ? value : otherwise;
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
