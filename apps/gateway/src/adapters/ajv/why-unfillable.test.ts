import type { JsonObject } from "@hsafa/protocol";
import { expect, onTestFinished, test } from "vitest";
import { createAjvSchemas } from "./ajv-schemas.ts";
import { whyUnfillable } from "./why-unfillable.ts";

const object = (properties: JsonObject, ...required: string[]): JsonObject => ({
  type: "object",
  properties,
  required,
});

const NODE = { type: "object", properties: { next: { $ref: "#" } } };
const LIST = object({ next: { anyOf: [{ $ref: "#" }, { type: "null" }] } }, "next");
const TREE = object({ children: { type: "array", items: { $ref: "#" } } }, "children");
const FAR: JsonObject = {
  ...object({ a: { $ref: "#/$defs/a" } }, "a"),
  $defs: {
    a: { $ref: "#/$defs/b" },
    b: { anyOf: [object({ c: { $ref: "#/$defs/a" } }, "c"), { $ref: "#/$defs/c" }] },
    c: { type: "null" },
  },
};

test.each<[string, JsonObject]>([
  ["anything", { type: "object" }],
  ["an optional reference to itself", NODE],
  ["a list that ends with null", LIST],
  ["a tree whose leaves have no children", TREE],
  ["a definition that is found possible in a later pass only", FAR],
  ["an optional property that is false", object({ a: false })],
  ["values of its type", object({ a: { type: "string", enum: [1, "x"] } }, "a")],
  ["a whole number between two", object({ a: { type: "integer", exclusiveMinimum: 1, exclusiveMaximum: 3 } }, "a")],
  [
    "a name that a pattern allows",
    { ...object({}, "x-1"), patternProperties: { "^x-": {} }, additionalProperties: false },
  ],
])("an object fits %s", (_, schema) => {
  expect(whyUnfillable(schema)).toBeNull();
});

test.each<[JsonObject, RegExp]>([
  [{ type: "array" }, /root needs "type": "object"/],
  [{ type: ["object", "null"] }, /root needs "type": "object"/],
  [{ anyOf: [{ type: "object" }] }, /root needs "type": "object"/],
  [object({ a: false }, "a"), /'a' can never be given: its schema is false/],
  [object({ next: { $ref: "#" } }, "next"), /'next' can never be given: it needs itself without end/],
  [object({ a: object({ b: { type: "array", minItems: 1, items: { $ref: "#" } } }, "b") }, "a"), /without end/],
  [{ ...object({}, "a"), additionalProperties: false }, /'properties' does not name it/],
  [{ type: "object", not: {} }, /'not' forbids everything/],
  [{ type: "object", allOf: [{ type: "string" }] }, /different types/],
  [object({ a: { anyOf: [false, { type: "string", minLength: 3, maxLength: 2 }] } }, "a"), /no branch of its 'anyOf'/],
  [object({ a: { type: "string", enum: [1, null] } }, "a"), /none of its values/],
  [object({ a: { type: "string", enum: [] } }, "a"), /none of its values/],
  [object({ a: { type: "number", minimum: 2, maximum: 1 } }, "a"), /no number is between 2 and 1/],
  [object({ a: { type: "integer", exclusiveMinimum: 1, exclusiveMaximum: 2 } }, "a"), /no whole number/],
  [object({ a: { type: "array", minItems: 2, prefixItems: [{}], items: false } }, "a"), /its items can never be given/],
  [{ ...object({ a: {}, b: {} }, "a", "b"), maxProperties: 1 }, /maxProperties/],
])("no object fits %j", (schema, why) => {
  expect(whyUnfillable(schema)).toMatch(why);
});

test("what no provider can fill, leads elsewhere, never ends or costs too much is refused, and costs no event loop", async () => {
  const schemas = createAjvSchemas();
  onTestFinished(() => schemas.close());
  const doubling = Object.fromEntries(
    Array.from({ length: 30 }, (_, n) => [
      `d${n}`,
      { allOf: [{ $ref: `#/$defs/d${n + 1}` }, { $ref: `#/$defs/d${n + 1}` }] },
    ]),
  );
  const large = Object.fromEntries(Array.from({ length: 6000 }, (_, n) => [`property-${n}`, { type: "string" }]));
  for (const [schema, fault] of [
    [object({ a: { $ref: "https://example.com/schema.json" } }), /can't resolve reference/],
    [{ type: "object", $ref: "#" }, /refers to itself for the same value/],
    [{ ...object({ a: { $ref: "#/$defs/d0" } }), $defs: { ...doubling, d30: {} } }, /too much work/],
    [object(large), /longer than/],
    [object({ a: { type: "string", pattern: "(a+)+(?=b)" } }), /./],
    [object({ a: false }, "a"), /no object fits it/],
  ] as const) {
    expect(await schemas.checkOutput({ tenantId: "t", schema })).toMatchObject({
      kind: "checked",
      fault: expect.stringMatching(fault) as string,
    });
  }
  expect(await schemas.checkOutput({ tenantId: "t", schema: LIST })).toEqual({ kind: "checked", fault: null });
});
