import { z } from "zod";
import type { JsonObject, JsonValue } from "../json.ts";

/** Any JSON value. Its size and depth are bounded where bytes come in, not here. */
export const jsonValueSchema: z.ZodType<JsonValue, JsonValue> = z.custom<JsonValue>(
  (value) => value !== undefined,
  "must be a JSON value",
);

const objectSchema = z.custom<JsonObject>(
  (value) => typeof value === "object" && value !== null && !Array.isArray(value),
  "must be a JSON object",
);

/** Any JSON object. Its size and depth are bounded where bytes come in, not here. */
export const jsonObjectSchema: z.ZodType<JsonObject, JsonObject> = objectSchema;

/**
 * A JSON object as a program writes it. No TypeScript type describes JSON that has interfaces and `undefined` fields in
 * it, so the input type is any object.
 */
export const writtenObjectSchema: z.ZodType<JsonObject, object> = objectSchema;
