/**
 * A form for the arguments of a tool, made from its schema. It knows what people fill in most: texts, numbers, choices
 * and switches. Everything else is written as JSON. The gateway checks all of it by the whole schema. It is pure.
 */
import type { JsonObject, JsonValue } from "@hsafa/protocol";
import { FORM_FIELDS_MAX } from "../../limits.ts";

/** One field of the form. */
export interface ArgField {
  readonly name: string;
  readonly kind: "text" | "number" | "integer" | "boolean" | "choice" | "json";
  readonly isRequired: boolean;
  readonly about: string;
  /** Of a choice, as texts. */
  readonly choices: readonly string[];
}

/** What was written, as arguments; or what is wrong with it, by the name of a field, or "" for all. */
export type ReadArgs =
  | { readonly kind: "args"; readonly args: JsonObject }
  | { readonly kind: "faults"; readonly faults: ReadonlyMap<string, string> };

/** Returns the fields of a schema; null: it has too many, or none that a form knows. Then JSON is written. */
export function argFields(schema: JsonObject): readonly ArgField[] | null {
  const properties = schema["properties"];
  if (!isObject(properties)) return null;
  const names = Object.keys(properties);
  if (names.length === 0 || names.length > FORM_FIELDS_MAX) return null;
  const required = Array.isArray(schema["required"]) ? schema["required"] : [];
  return names.map((name) => {
    const property = properties[name];
    const of = isObject(property) ? property : {};
    const choices = Array.isArray(of["enum"]) ? of["enum"].filter((one) => typeof one === "string") : [];
    const isChoice = choices.length > 0 && choices.length === (of["enum"] as readonly unknown[]).length;
    return {
      name,
      kind: isChoice ? "choice" : kindOf(of["type"]),
      isRequired: required.includes(name),
      about: typeof of["description"] === "string" ? of["description"] : "",
      choices: isChoice ? choices : [],
    };
  });
}

/** Reads the fields as they were filled in. An empty one that is not required is left out. */
export function argsOfForm(fields: readonly ArgField[], texts: ReadonlyMap<string, string>): ReadArgs {
  const args: Record<string, JsonValue> = {};
  const faults = new Map<string, string>();
  for (const { name, kind, isRequired } of fields) {
    const text = texts.get(name) ?? "";
    if (text === "" && !(isRequired && kind === "text")) {
      if (isRequired) faults.set(name, "is required");
      continue;
    }
    const read = valueOf(kind, text);
    if (read.kind === "fault") faults.set(name, read.message);
    else args[name] = read.value;
  }
  return faults.size > 0 ? { kind: "faults", faults } : { kind: "args", args };
}

/** Reads arguments that were written as JSON. */
export function argsOfJson(schema: JsonObject, text: string): ReadArgs {
  let value: JsonValue;
  try {
    value = JSON.parse(text) as JsonValue;
  } catch (error) {
    return fault(`This is not JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (!isObject(value)) return fault("Arguments are an object, such as {}.");
  const required = Array.isArray(schema["required"]) ? schema["required"] : [];
  const missing = required.flatMap((name) => (typeof name === "string" && !(name in value) ? [name] : []));
  return missing.length > 0 ? fault(`It lacks ${missing.join(", ")}.`) : { kind: "args", args: value };
}

/** Writes arguments to begin with: what is required, empty. */
export function sampleArgs(schema: JsonObject): string {
  const fields = argFields(schema) ?? [];
  const required = fields.filter(({ isRequired }) => isRequired);
  return JSON.stringify(Object.fromEntries(required.map((field) => [field.name, emptyOf(field)])), null, 2);
}

function emptyOf({ kind, choices }: ArgField): JsonValue {
  if (kind === "choice") return choices[0] ?? "";
  if (kind === "number" || kind === "integer") return 0;
  if (kind === "boolean") return false;
  return kind === "text" ? "" : null;
}

function valueOf(
  kind: ArgField["kind"],
  text: string,
): { readonly kind: "value"; readonly value: JsonValue } | { readonly kind: "fault"; readonly message: string } {
  switch (kind) {
    case "text":
    case "choice":
      return { kind: "value", value: text };
    case "boolean":
      return { kind: "value", value: text === "true" };
    case "number":
    case "integer": {
      const value = Number(text);
      if (!Number.isFinite(value)) return { kind: "fault", message: "is no number" };
      if (kind === "integer" && !Number.isInteger(value)) return { kind: "fault", message: "is no whole number" };
      return { kind: "value", value };
    }
    case "json":
      try {
        return { kind: "value", value: JSON.parse(text) as JsonValue };
      } catch {
        return { kind: "fault", message: 'is not JSON; a text stands in quotes: "…"' };
      }
    default:
      return kind satisfies never;
  }
}

function kindOf(type: JsonValue | undefined): ArgField["kind"] {
  if (type === "string") return "text";
  if (type === "number" || type === "integer" || type === "boolean") return type;
  return "json";
}

function fault(message: string): ReadArgs {
  return { kind: "faults", faults: new Map([["", message]]) };
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
