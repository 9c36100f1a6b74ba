import type { JsonObject, JsonValue } from "@hsafa/protocol";
import { describe, expect, test } from "vitest";
import { SCHEMA_CHARACTERS_MAX, SCHEMAS_CACHED_MAX } from "./limits.ts";
import { createAjvSchemas } from "./ajv-schemas.ts";

const schemas = createAjvSchemas();
const DRAFT_07 = "http://json-schema.org/draft-07/schema#";

describe("which schemas are usable", () => {
  test.each<[string, JsonObject]>([
    ["no keyword", {}],
    [
      "an ordinary tool schema with what generators add",
      {
        $schema: "https://json-schema.org/draft/2020-12/schema",
        $id: "https://example.com/tool",
        title: "Weather",
        type: "object",
        properties: {
          city: { type: "string", description: "Where", examples: ["Rome"], "x-order": 1, minLength: 1 },
          unit: { enum: ["c", "f"], default: "c" },
          when: { type: ["string", "null"], format: "date-time", deprecated: true },
        },
        required: ["city"],
        additionalProperties: false,
        "x-vendor": { anything: [1, 2] },
      },
    ],
    ["definitions and references", { $defs: { a: { type: "string" } }, properties: { a: { $ref: "#/$defs/a" } } }],
    ["a tree", { type: "object", properties: { left: { $ref: "#" }, right: { $ref: "#" } } }],
    ["a tuple of draft-07", { $schema: DRAFT_07, type: "array", items: [{ type: "string" }] }],
    ["a format nobody knows", { type: "string", format: "postcode" }],
    ["a Unicode pattern", { type: "string", pattern: "^\\p{L}+[\\u00e9/-]?$" }],
  ])("a schema with %s can be used", (_, schema) => {
    expect(schemas.check(schema)).toBeNull();
  });

  test.each<[string, JsonObject, RegExp]>([
    ["a type that does not exist", { type: "strin" }, /type/],
    ["properties that are a number", { properties: 3 }, /properties must be object/],
    ["a required that is a string", { type: "object", required: "a" }, /required/],
    [
      "a fault further down",
      { properties: { a: { properties: { b: { minLength: "x" } } } } },
      /\/properties\/a\/properties\/b/,
    ],
    ["a pattern that is none", { type: "string", pattern: "(" }, /regexp/],
    ["a pattern that needs backtracking", { type: "string", pattern: "^(?=.*a)b" }, /regexp/],
    ["a remote reference", { $ref: "https://example.com/schema.json" }, /resolve/],
    ["a reference to nowhere", { $ref: "#/$defs/nothing" }, /resolve/],
    ["a draft that is not supported", { $schema: "http://json-schema.org/draft-04/schema#" }, /2020-12/],
    ["a tuple of draft-07 that does not say so", { type: "array", items: [{ type: "string" }] }, /items/],
  ])("a schema with %s is refused with its reason", (_, schema, words) => {
    expect(schemas.check(schema)).toMatch(words);
  });

  test("a schema nested 100,000 deep is refused without an overflow (R9)", () => {
    let deep: JsonObject = {};
    for (let i = 0; i < 100_000; i += 1) deep = { not: deep };
    expect(schemas.check(deep)).toMatch(/nested deeper/);
    expect(schemas.validate(deep, 1)).toMatch(/nested deeper/);
  });

  test("a schema longer than the bound is refused (R9)", () => {
    expect(schemas.check({ description: "x".repeat(SCHEMA_CHARACTERS_MAX) })).toMatch(/longer/);
  });
});

describe("which values fit", () => {
  const city: JsonObject = {
    type: "object",
    properties: { city: { type: "string" }, unit: { enum: ["c", "f"] } },
    required: ["city"],
    additionalProperties: false,
  };
  test.each<[JsonObject, JsonValue, RegExp]>([
    [city, { city: "Rome", unit: "c" }, /^fits$/],
    [city, {}, /the value must have required property 'city'/],
    [city, { city: 1 }, /\/city must be string/],
    [city, { city: "Rome", unit: "k" }, /\/unit must be equal.*\["c","f"\]/],
    [city, { city: "Rome", extra: 1 }, /'extra'/],
    [city, "Rome", /the value must be object/],
    [{ type: "string", format: "date" }, "2026-13-40x", /format "date"/],
    [{ type: "string", pattern: "^[a-z]+$" }, "abc", /^fits$/],
    [{ type: "string", pattern: "^[a-z]+$" }, "abc1", /pattern/],
    [{ type: "array", prefixItems: [{ type: "string" }] }, [1], /\/0 must be string/],
    [{ $schema: DRAFT_07, type: "array", items: [{ type: "string" }] }, [1], /\/0 must be string/],
  ])("the schema %j and the value %j", (schema, value, words) => {
    expect(schemas.validate(schema, value) ?? "fits").toMatch(words);
  });

  test("$async does not turn every check into a promise that passes", () => {
    expect(schemas.validate({ $async: true, type: "string" }, 1)).toMatch(/must be string/);
  });

  test("two tools may give their schemas one $id", () => {
    expect(schemas.validate({ $id: "https://example.com/a", type: "string" }, "x")).toBeNull();
    expect(schemas.validate({ $id: "https://example.com/a", type: "number" }, 1)).toBeNull();
  });
});

describe("hostile schemas", () => {
  test("a pattern that takes a backtracking engine for ever is decided in time (R9)", () => {
    expect(schemas.validate({ type: "string", pattern: "^(a+)+$" }, `${"a".repeat(50_000)}!`)).toMatch(/pattern/);
  });

  test("definitions that double the work at each level are cut off (R9)", () => {
    const $defs: JsonObject = { d40: { type: "string" } };
    for (let level = 0; level < 40; level += 1) {
      const next = { $ref: `#/$defs/d${level + 1}` };
      $defs[`d${level}`] = { allOf: [next, next], minLength: 1 };
    }
    const schema = { $defs, $ref: "#/$defs/d0" };
    expect(schemas.check(schema) ?? schemas.validate(schema, "x")).toMatch(/too long/);
  });

  test("a schema that refers only to itself does not overflow the stack", () => {
    expect(schemas.validate({ $ref: "#" }, 1)).toMatch(/itself/);
  });

  test("validators stay correct when more schemas are used than are kept (R9)", () => {
    for (let i = 0; i < SCHEMAS_CACHED_MAX + 10; i += 1) {
      expect(schemas.validate({ const: i }, i)).toBeNull();
    }
    expect(schemas.validate({ const: 0 }, 1)).toMatch(/constant: 0/);
  });
});
