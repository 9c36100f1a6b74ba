import type { JsonObject } from "../json.ts";

/** Whether a JSON Schema says that what it describes is an object. */
export function isObjectSchema(schema: object): schema is JsonObject {
  return (schema as { readonly type?: unknown }).type === "object";
}
