import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { JsonObject, JsonValue } from "@hsafa/protocol";
import { afterAll, describe, expect, test } from "vitest";
import { JOB_VALUES_MAX_MS, SCHEMA_CHARACTERS_MAX } from "./limits.ts";
import { createAjvSchemas } from "./ajv-schemas.ts";
import { cpuMs } from "./within-cpu-limit.ts";

const schemas = createAjvSchemas();
afterAll(() => schemas.close());

const check = async (schema: JsonObject, tenantId = "t"): Promise<string | null> => {
  const checked = await schemas.check({ tenantId, schemas: [schema] });
  if (checked.kind === "busy") throw new Error("one schema at a time is never too many");
  return checked.faults[0] ?? null;
};
const validate = async (schema: JsonObject, value: JsonValue, tenantId = "t"): Promise<string | null> =>
  (await schemas.validate({ tenantId, values: [{ schema, value }] }))[0] ?? null;
const DRAFT_07 = "http://json-schema.org/draft-07/schema#";

test("a program that was itself given as an argument can check schemas too", async () => {
  const program = `
    import { createAjvSchemas } from ${JSON.stringify(new URL("./ajv-schemas.ts", import.meta.url).href)};
    const schemas = createAjvSchemas();
    console.log(JSON.stringify(await schemas.check({ tenantId: "t", schemas: [{ type: "object" }] })));
    await schemas.close();`;
  const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "--eval", program]);
  expect(JSON.parse(stdout)).toEqual({ kind: "checked", faults: [null] });
});

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
  ])("a schema with %s can be used", async (_, schema) => {
    expect(await check(schema)).toBeNull();
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
  ])("a schema with %s is refused with its reason", async (_, schema, words) => {
    expect(await check(schema)).toMatch(words);
  });

  test("a schema nested 100,000 deep is refused without an overflow (R9)", async () => {
    let deep: JsonObject = {};
    for (let i = 0; i < 100_000; i += 1) deep = { not: deep };
    expect(await check(deep)).toMatch(/nested deeper/);
    expect(await validate(deep, 1)).toMatch(/nested deeper/);
    expect(await validate({ type: "array" }, [deep])).toMatch(/nested deeper/);
  });

  test("a schema longer than the bound is refused (R9)", async () => {
    expect(await check({ description: "x".repeat(SCHEMA_CHARACTERS_MAX) })).toMatch(/longer/);
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
  ])("the schema %j and the value %j", async (schema, value, words) => {
    expect((await validate(schema, value)) ?? "fits").toMatch(words);
  });

  test("$async does not turn every check into a promise that passes", async () => {
    expect(await validate({ $async: true, type: "string" }, 1)).toMatch(/must be string/);
  });

  test("two tools may give their schemas one $id", async () => {
    expect(await validate({ $id: "https://example.com/a", type: "string" }, "x")).toBeNull();
    expect(await validate({ $id: "https://example.com/a", type: "number" }, 1)).toBeNull();
  });
});

/** Definitions of which each refers twice to the next, by a keyword that takes a list of schemas. */
function doubling(levels: number, keyword: string): JsonObject {
  const $defs: JsonObject = { [`d${levels}`]: { type: "string" } };
  for (let level = 0; level < levels; level += 1) {
    const next = { $ref: `#/$defs/d${level + 1}` };
    $defs[`d${level}`] = { [keyword]: [next, next], minLength: 1 };
  }
  return { $defs, $ref: "#/$defs/d0" };
}

/** A schema of which each level of the value costs twice as much as the one around it. */
const DOUBLING_BY_DEPTH: JsonObject = { properties: { a: { allOf: [{ $ref: "#" }, { $ref: "#" }] } }, minLength: 1 };

function nested(levels: number): JsonObject {
  let value: JsonObject = {};
  for (let level = 0; level < levels; level += 1) value = { a: value };
  return value;
}

const TEN_LONG_TEXTS = Array.from({ length: 10 }, (_, n) => `${n}${"ab".repeat(200_000)}`);

describe("hostile schemas", () => {
  test("a pattern that takes a backtracking engine for ever is decided in time (R9)", async () => {
    expect(await validate({ type: "string", pattern: "^(a+)+$" }, `${"a".repeat(50_000)}!`)).toMatch(/pattern/);
  });

  test.each(["allOf", "anyOf", "oneOf"])("definitions that double the work by %s are refused (R9)", async (keyword) => {
    expect(await check(doubling(40, keyword))).toMatch(/too much work/);
    expect(await check(doubling(10, keyword))).toBeNull();
  });

  test("a schema that refers only to itself is refused", async () => {
    expect(await check({ $ref: "#" })).toMatch(/itself/);
    expect(await validate({ $ref: "#" }, 1)).toMatch(/itself/);
  });

  test.each<[string, JsonObject, JsonValue]>([
    ["each level of the value doubles the work", DOUBLING_BY_DEPTH, nested(40)],
    ["every item is compared with every other", { uniqueItems: true }, Array.from({ length: 6000 }, (_, i) => ({ i }))],
    // One takes a tenth of a second. On a busy machine it may be done at a second try.
    ["a pattern meets long texts", { items: { pattern: "[ab].{900}[ab].{900}$" } }, TEN_LONG_TEXTS],
  ])("a check is cut off and remembered when %s (R9)", async (_, schema, value) => {
    expect(await check(schema)).toBeNull();
    expect(await validate(schema, value)).toMatch(/too long/);
    const before = performance.now();
    for (let i = 0; i < 100; i += 1) expect(await validate(schema, value)).toMatch(/too long/);
    expect(performance.now() - before).toBeLessThan(100 * JOB_VALUES_MAX_MS);
  });

  test("the calls of a step have one budget together: what comes after it is told as too slow (R9)", async () => {
    const values = Array.from({ length: 50 }, (_, n) => ({
      schema: { ...DOUBLING_BY_DEPTH, title: `${n}` },
      value: nested(40),
    }));
    // Not a plain one, which would cost the budget nothing.
    const quick = { schema: { type: "string", minLength: 1 }, value: "fits" };
    const before = performance.now();
    const faults = await schemas.validate({ tenantId: "t", values: [quick, ...values, quick] });
    // Each by itself would be cut after twice its budget, in real time.
    expect(performance.now() - before).toBeLessThan(50 * 2 * JOB_VALUES_MAX_MS);
    expect(faults[0]).toBeNull();
    for (const fault of faults.slice(1)) expect(fault).toMatch(/too long/);
  });

  test("a value that is too slow for its schema says nothing of a short one, or of another tenant's", async () => {
    const schema = { ...DOUBLING_BY_DEPTH, title: "kept apart" };
    expect(await validate(schema, nested(40))).toMatch(/too long/);
    expect(await validate(schema, nested(3))).toBeNull();
    expect(await validate(schema, nested(3), "another")).toBeNull();
  });

  test("nothing of all this keeps the event loop, and another tenant's check waits for at most one slow one", async () => {
    let isOver = false;
    const slow = Array.from({ length: 20 }, (_, n) =>
      validate({ ...DOUBLING_BY_DEPTH, title: `slow ${n}` }, nested(50), "slow"),
    );
    // CPU time, since a busy machine lets a thread wait that does nothing.
    let longestMs = 0;
    let last = cpuMs();
    const timer = setInterval(() => {
      longestMs = Math.max(longestMs, cpuMs() - last);
      last = cpuMs();
    }, 5);
    const all = Promise.all(slow).finally(() => {
      isOver = true;
    });
    expect(await validate({ type: "string" }, 1, "quiet")).toMatch(/must be string/);
    expect(isOver).toBe(false);
    for (const fault of await all) expect(fault).toMatch(/too long/);
    clearInterval(timer);
    expect(longestMs).toBeLessThan(100);
  });

  test("validators stay correct when more schemas are used than are kept (R9)", async () => {
    // Each takes two megabytes, by the estimate, of the thirty-two that are kept.
    const padding = "x".repeat(100_000);
    for (let i = 0; i < 40; i += 1) expect(await validate({ const: i, title: padding }, i)).toBeNull();
    expect(await validate({ const: 0, title: padding }, 1)).toMatch(/constant: 0/);
  });

  test("after it is closed no job is begun, and none waits for ever", async () => {
    const closed = createAjvSchemas();
    await closed.close();
    expect(await closed.check({ tenantId: "t", schemas: [{}] })).toEqual({ kind: "busy" });
  });
});
