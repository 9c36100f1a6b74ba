import type { JsonObject, JsonValue } from "@hsafa/protocol";
import fc from "fast-check";
import { expect, test } from "vitest";
import { compileSchema } from "./compile-schema.ts";
import { fitsPlainly, isPlainSchema } from "./fits-plainly.ts";
import { PLAIN_SCHEMA_NODES_MAX, PLAIN_VALUE_NODES_MAX } from "./limits.ts";

/** Schemas that are plain. */
const { schema: plainSchema } = fc.letrec<{ schema: JsonObject; nested: JsonObject }>((tie) => ({
  schema: fc.oneof(
    { maxDepth: 3 },
    fc.record(
      {
        type: fc.constantFrom("string", "number", "integer", "boolean", "null", "array", "object"),
        enum: fc.uniqueArray(fc.constantFrom("x", "z", ""), { minLength: 1, maxLength: 3 }),
        description: fc.constant("words"),
      },
      { requiredKeys: [] },
    ) as fc.Arbitrary<JsonObject>,
    tie("nested"),
  ),
  nested: fc.record(
    {
      type: fc.constantFrom("array", "object"),
      required: fc.uniqueArray(fc.constantFrom("a", "b"), { minLength: 1, maxLength: 2 }),
      additionalProperties: fc.boolean(),
      properties: fc.dictionary(fc.constantFrom("a", "b", "c"), tie("schema"), { maxKeys: 3 }),
      items: tie("schema"),
    },
    { requiredKeys: [] },
  ) as fc.Arbitrary<JsonObject>,
}));

/** Keywords that make a schema not plain, and some that ajv refuses. */
const ODD_SCHEMAS: readonly JsonObject[] = [
  { type: "text" },
  { enum: [] },
  { enum: [1] },
  { required: [] },
  { required: ["toString"], properties: { toString: {} } },
  { additionalProperties: { type: "string" } },
  { properties: { a: false } },
  { properties: JSON.parse('{"__proto__":{"type":"string"}}') as JsonObject },
  { items: true },
  { description: 7 },
  { minLength: 1 },
  { $schema: "http://json-schema.org/draft-04/schema#" },
];

const { value: anyValue } = fc.letrec<{ value: JsonValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom<JsonValue>("x", "z", "", 0, 1, 1.5, -1, true, null),
    fc.array(tie("value"), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom("a", "b", "c"), tie("value"), { maxKeys: 3 }),
  ),
}));

test("what fits plainly fits by ajv, whatever the schema and the value", () => {
  let fitting = 0;
  const values = fc.array(anyValue, { minLength: 10, maxLength: 10 });
  fc.assert(
    fc.property(plainSchema, values, (schema, tried) => {
      expect(isPlainSchema(schema)).toBe(true);
      const found = tried.filter((value) => fitsPlainly(schema, value));
      fitting += found.length;
      if (found.length === 0) return;
      const compiled = compileSchema(JSON.stringify(schema));
      const validate = compiled.kind === "usable" ? compiled.validate : () => compiled.reason;
      expect(found.map(validate)).toEqual(found.map(() => null));
    }),
    { numRuns: 300 },
  );
  // The property says something only if many values fit.
  expect(fitting).toBeGreaterThan(50);
});

test("a schema with anything else, anywhere in it, is not plain", () => {
  for (const odd of ODD_SCHEMAS) {
    expect(isPlainSchema(odd)).toBe(false);
    expect(isPlainSchema({ properties: { a: { items: odd } } })).toBe(false);
  }
});

test("the usual arguments of a usual tool fit, and what is wrong with others is left to ajv", () => {
  const schema: JsonObject = {
    $schema: "http://json-schema.org/draft-07/schema#",
    type: "object",
    properties: {
      city: { type: "string", description: "Which city" },
      days: { type: "integer" },
      unit: { type: "string", enum: ["c", "f"] },
      tags: { type: "array", items: { type: "string" } },
    },
    required: ["city"],
    additionalProperties: false,
  };
  expect(isPlainSchema(schema)).toBe(true);
  expect(fitsPlainly(schema, { city: "Rome", days: 2, unit: "c", tags: ["a"] })).toBe(true);
  const unfit: JsonObject[] = [
    {},
    { city: 1 },
    { city: "Rome", days: 1.5 },
    { city: "Rome", unit: "k" },
    { city: "Rome", more: 1 },
  ];
  for (const value of unfit) expect(fitsPlainly(schema, value)).toBe(false);
  expect(isPlainSchema({ ...schema, properties: { code: { type: "string", pattern: "^a+$" } } })).toBe(false);
});

test("a number that JSON cannot write does not fit: another thread would be told null", () => {
  expect(fitsPlainly({ type: "number" }, Number.POSITIVE_INFINITY)).toBe(false);
});

test("what is large is left to another thread", () => {
  const members = Object.fromEntries(Array.from({ length: PLAIN_SCHEMA_NODES_MAX }, (_, nth) => [`m${nth}`, {}]));
  expect(isPlainSchema({ properties: members })).toBe(false);
  const items = Array.from({ length: PLAIN_VALUE_NODES_MAX }, () => 1);
  expect(fitsPlainly({ items: { type: "number" } }, items)).toBe(false);
  expect(fitsPlainly({ items: { type: "number" } }, items.slice(1))).toBe(true);
});
