/**
 * Says of most arguments of most tools that they fit, without another thread. What it is not sure of is ajv's to judge.
 *
 * 1. It never says more than ajv would: a value that fits plainly fits by ajv.
 * 2. A schema is plain as a whole, also where a value does not lead. So one that ajv could not use is not plain.
 * 3. It takes a time that nobody notices: both the schema and the value are bounded.
 */
import type { JsonObject, JsonValue } from "@hsafa/protocol";
import { PLAIN_SCHEMA_NODES_MAX, PLAIN_VALUE_NODES_MAX } from "./limits.ts";

/** What plain schemas are made of: whether a keyword has this value. Any other keyword makes a schema not plain. */
const KEYWORDS: Readonly<Record<string, (value: JsonValue) => boolean>> = {
  title: isText,
  description: isText,
  default: () => true,
  type: (value) => isText(value) && Object.hasOwn(TYPES, value),
  enum: areNames,
  required: areNames,
  additionalProperties: (value) => typeof value === "boolean",
  properties: isObject,
  items: isObject,
};

const TYPES: Readonly<Record<string, (value: JsonValue) => boolean>> = {
  string: isText,
  number: Number.isFinite,
  integer: Number.isInteger,
  boolean: (value) => typeof value === "boolean",
  null: (value) => value === null,
  array: Array.isArray,
  object: isObject,
};

/** Counts what is looked at, up to a bound. */
interface Budget {
  left: number;
}

/** Whether a schema is plain (2.). A large one is not. */
export function isPlainSchema({ $schema, ...schema }: JsonObject): boolean {
  const isKnownDraft = $schema === undefined || (isText($schema) && /2020-12|draft-07/.test($schema));
  return isKnownDraft && isPlain(schema, { left: PLAIN_SCHEMA_NODES_MAX });
}

/** Whether a value surely fits a schema that is plain. */
export function fitsPlainly(schema: JsonObject, value: JsonValue): boolean {
  return fits(schema, value, { left: PLAIN_VALUE_NODES_MAX });
}

function isPlain(schema: JsonObject, budget: Budget): boolean {
  budget.left -= 1;
  if (budget.left < 0) return false; // 3.
  const { properties, items } = schema;
  return (
    Object.entries(schema).every(
      ([name, value]) => Object.hasOwn(KEYWORDS, name) && KEYWORDS[name]?.(value) === true,
    ) &&
    Object.entries(isObject(properties) ? properties : {}).every(
      // Ajv takes what every object inherits for a member.
      ([name, member]) => !(name in Object.prototype) && isObject(member) && isPlain(member, budget),
    ) &&
    (!isObject(items) || isPlain(items, budget))
  );
}

function fits(schema: JsonObject, value: JsonValue, budget: Budget): boolean {
  budget.left -= 1;
  if (budget.left < 0) return false; // 3.
  const { type, enum: allowed, items } = schema;
  if (isText(type) && TYPES[type]?.(value) !== true) return false;
  if (Array.isArray(allowed) && !allowed.includes(value)) return false;
  if (Array.isArray(value)) return !isObject(items) || value.every((item) => fits(items, item, budget));
  return !isObject(value) || membersFit(schema, value, budget);
}

function membersFit(
  { properties, required, additionalProperties }: JsonObject,
  value: JsonObject,
  budget: Budget,
): boolean {
  if (Array.isArray(required) && !required.every((name) => isText(name) && Object.hasOwn(value, name))) return false;
  return Object.entries(value).every(([name, member]) => {
    const schema = isObject(properties) && Object.hasOwn(properties, name) ? properties[name] : undefined;
    if (schema === undefined) return additionalProperties !== false;
    return isObject(schema) && fits(schema, member, budget);
  });
}

function isText(value: JsonValue | undefined): value is string {
  return typeof value === "string";
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Texts, at least one, each once. */
function areNames(value: JsonValue): boolean {
  return Array.isArray(value) && value.length > 0 && value.every(isText) && new Set(value).size === value.length;
}
