import type { JsonObject, JsonValue } from "@hsafa/protocol";

/** JSON Schemas (draft 2020-12 and draft-07), by which tools describe their arguments. */
export interface JsonSchemas {
  /** Returns why this schema cannot be used, or null if it can. Never throws. Takes a bounded time. */
  check(schema: JsonObject): string | null;
  /** Returns why `value` does not fit the schema, or null if it does. Never throws. Takes a bounded time. */
  validate(schema: JsonObject, value: JsonValue): string | null;
}
