import type { JsonObject, JsonValue } from "@hsafa/protocol";

/** Keywords that the strict modes of providers do not take. */
const OPEN_KEYWORDS = [
  "allOf",
  "oneOf",
  "not",
  "if",
  "dependentRequired",
  "dependentSchemas",
  "dependencies",
  "patternProperties",
  "propertyNames",
  "unevaluatedProperties",
  "unevaluatedItems",
  "contains",
  "prefixItems",
];

/** Keywords that hold schemas by names of the author's own. */
const BY_NAME: ReadonlySet<string> = new Set(["properties", "$defs", "definitions"]);
/** Keywords that hold values, which are no schemas. */
const VALUES: ReadonlySet<string> = new Set(["enum", "const", "default", "examples"]);

/**
 * Whether a schema says everything of its objects: each names its properties, requires all of them, and allows no
 * others. The strict modes of providers take such schemas alone.
 */
export function isClosedSchema(schema: JsonValue): boolean {
  if (Array.isArray(schema)) return schema.every(isClosedSchema);
  if (!isObject(schema)) return true;
  if (OPEN_KEYWORDS.some((keyword) => Object.hasOwn(schema, keyword))) return false;
  const { type, properties, required, additionalProperties } = schema;
  const isOfObjects = type === "object" || (Array.isArray(type) && type.includes("object")) || properties !== undefined;
  if (isOfObjects) {
    const names = isObject(properties) ? Object.keys(properties) : [];
    const needed = Array.isArray(required) ? required : [];
    if (additionalProperties !== false || names.some((name) => !needed.includes(name))) return false;
  }
  return Object.entries(schema).every(([keyword, argument]) => {
    if (VALUES.has(keyword)) return true;
    if (BY_NAME.has(keyword)) return isObject(argument) && Object.values(argument).every(isClosedSchema);
    return isClosedSchema(argument);
  });
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
