import type { JsonObject, JsonValue } from "@hsafa/protocol";
import { parseFrame } from "./inexact-number.ts";

/** Returns the value if it is an object, else null. */
export function objectOf(value: JsonValue | undefined): JsonObject | null {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? value : null;
}

/** Returns the value if it is a text, else null. */
export function textOf(value: JsonValue | undefined): string | null {
  return typeof value === "string" ? value : null;
}

/** Returns a count: a number of zero or more, also where it is written as a text. Else null. */
export function countOf(value: JsonValue | undefined): number | null {
  const number = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
  return typeof number === "number" && Number.isFinite(number) && number >= 0 ? number : null;
}

/** Returns the object without the fields whose value is null or absent. */
export function withoutNulls(fields: Readonly<Record<string, JsonValue | undefined>>): JsonObject {
  // A loop, since every frame of every model passes here: `Object.fromEntries` costs three times as much.
  const kept: JsonObject = {};
  for (const name of Object.keys(fields)) {
    const value = fields[name];
    if (value !== null && value !== undefined) kept[name] = value;
  }
  return kept;
}

/** Returns the parsed JSON of a frame, or undefined if the text is none. */
export function parsedJson(text: string): JsonValue | undefined {
  try {
    return parseFrame(text);
  } catch {
    return undefined;
  }
}
