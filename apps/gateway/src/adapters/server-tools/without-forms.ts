import type { JsonValue } from "@hsafa/protocol";
import { redactForms } from "../../core/redact-secrets.ts";

/** Returns the value without these forms of secrets, in every text, name and number in it. */
export function withoutForms(value: JsonValue, forms: readonly string[]): JsonValue {
  const text = JSON.stringify(value);
  const redacted = redactForms(text, forms);
  if (redacted === text) return value;
  try {
    return JSON.parse(redacted) as JsonValue;
  } catch {
    // A form lay across texts, or in a number.
    return eachWithout(value, forms);
  }
}

function eachWithout(value: JsonValue, forms: readonly string[]): JsonValue {
  if (typeof value === "string") return redactForms(value, forms);
  if (typeof value === "number") {
    const text = String(value);
    return redactForms(text, forms) === text ? value : redactForms(text, forms);
  }
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map((item) => eachWithout(item, forms));
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [redactForms(name, forms), eachWithout(item, forms)]),
  );
}
