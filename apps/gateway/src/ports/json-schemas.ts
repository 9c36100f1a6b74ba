import type { JsonObject, JsonValue } from "@hsafa/protocol";

/** JSON Schema (draft 2020-12 and draft-07), as tools describe their arguments with. */
export interface JsonSchemas {
  /** Why this is no usable schema, or null. Never throws, runs in bounded time. */
  check(schema: JsonObject): string | null;
  /** Why `value` does not fit the schema, or null when it does. Patterns run in linear time. */
  validate(schema: JsonObject, value: JsonValue): string | null;
}
