import type { JsonObject } from "@hsafa/protocol";
import { describe, expect, test } from "vitest";
import { PATTERN_INSTRUCTIONS_MAX } from "./limits.ts";
import { schemaWork } from "./schema-work.ts";

/** Thirty levels, each of which asks twice for the next one in the way that `twice` says. */
function doubled(twice: (next: JsonObject) => JsonObject): JsonObject {
  const $defs: JsonObject = { d30: { type: "object" } };
  for (let level = 0; level < 30; level += 1) $defs[`d${level}`] = twice({ $ref: `#/$defs/d${level + 1}` });
  return { type: "object", $ref: "#/$defs/d0", $defs };
}

describe("work that doubles at each level is refused, by whatever keyword", () => {
  test.each<[string, (next: JsonObject) => JsonObject]>([
    ["allOf", (next) => ({ allOf: [next, next] })],
    ["anyOf", (next) => ({ anyOf: [next, next] })],
    ["oneOf", (next) => ({ oneOf: [next, next] })],
    ["not beside a reference", (next) => ({ ...next, not: next })],
    ["if and else", (next) => ({ if: next, else: next })],
    ["dependentSchemas", (next) => ({ dependentSchemas: { a: next, b: next } })],
    ["properties", (next) => ({ properties: { a: next, b: next } })],
    ["properties under allOf", (next) => ({ allOf: [{ properties: { a: next } }, { properties: { a: next } }] })],
    ["items and contains", (next) => ({ items: next, contains: next })],
    ["prefixItems", (next) => ({ prefixItems: [next, next] })],
    ["additionalProperties and propertyNames", (next) => ({ additionalProperties: next, propertyNames: next })],
    ["unevaluatedProperties", (next) => ({ properties: { a: next }, unevaluatedProperties: next })],
    ["patternProperties", (next) => ({ patternProperties: { "^a": next, "^b": next } })],
  ])("%s", (_, twice) => {
    expect(schemaWork(doubled(twice)).fault).toMatch(/too much work/);
  });

  test("by anchors instead of pointers", () => {
    const $defs: JsonObject = {};
    for (let level = 0; level < 30; level += 1) {
      const next = { $ref: `#a${level + 1}` };
      $defs[`d${level}`] = { $anchor: `a${level}`, allOf: [next, next] };
    }
    expect(schemaWork({ $ref: "#a0", $defs }).fault).toMatch(/too much work/);
  });
});

describe("a reference to itself", () => {
  test.each<[string, JsonObject]>([
    ["directly", { $ref: "#" }],
    [
      "by way of another",
      { $ref: "#/$defs/a", $defs: { a: { allOf: [{ $ref: "#/$defs/b" }] }, b: { $ref: "#/$defs/a" } } },
    ],
    ["under a condition", { if: { $ref: "#" } }],
  ])("for the same value is refused: %s", (_, schema) => {
    expect(schemaWork(schema).fault).toMatch(/never ends/);
  });

  test.each<[string, JsonObject]>([
    ["a tree", { properties: { left: { $ref: "#" }, right: { $ref: "#" } } }],
    ["a list", { $defs: { node: { properties: { next: { $ref: "#/$defs/node" } } } }, $ref: "#/$defs/node" }],
    [
      "an expression of several kinds",
      {
        $defs: {
          e: {
            oneOf: ["add", "multiply", "divide"].map((kind) => ({
              properties: { kind: { const: kind }, left: { $ref: "#/$defs/e" }, right: { $ref: "#/$defs/e" } },
            })),
          },
        },
        $ref: "#/$defs/e",
      },
    ],
  ])("for a part of the value is taken: %s", (_, schema) => {
    expect(schemaWork(schema).fault).toBeNull();
  });

  test("references that lead very deep are refused without an overflow", () => {
    const $defs: JsonObject = { d5000: {} };
    for (let level = 0; level < 5000; level += 1) $defs[`d${level}`] = { $ref: `#/$defs/d${level + 1}` };
    expect(schemaWork({ $ref: "#/$defs/d0", $defs }).fault).toMatch(/deeper/);
  });
});

test("a large schema of an honest author is taken", () => {
  const address = {
    type: "object",
    properties: Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`f${i}`, { type: "string", maxLength: 100 }])),
  };
  const properties = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`p${i}`, { $ref: "#/$defs/address" }]));
  expect(schemaWork({ type: "object", properties, $defs: { address } }).fault).toBeNull();
});

test("patterns whose repetitions are too many are refused, wherever they stand", () => {
  const large = `[a-z]{${PATTERN_INSTRUCTIONS_MAX / 10}}`.repeat(11);
  expect(schemaWork({ pattern: large }).fault).toMatch(/patterns are too large/);
  expect(schemaWork({ properties: { a: { patternProperties: { [large]: true } } } }).fault).toMatch(/patterns/);
  expect(schemaWork({ pattern: "^[a-z0-9-]{1,64}$" }).fault).toBeNull();
});

test("a property may bear the name of a keyword", () => {
  const schema = { properties: { $ref: { type: "string" }, allOf: { type: "string" }, pattern: { type: "string" } } };
  expect(schemaWork(schema).fault).toBeNull();
});
