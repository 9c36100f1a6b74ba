import { expect, test } from "vitest";
import { jsonFault, textFault } from "./json-faults.ts";

test("JSON of any depth is judged without overflowing the stack", () => {
  const deep: unknown = JSON.parse(`${"[".repeat(200_000)}${"]".repeat(200_000)}`);
  expect(jsonFault(deep, 64)).toMatchObject({ message: "is nested deeper than 64 levels" });
});

test("the bound itself is allowed, one level more is not", () => {
  const nested = (levels: number): unknown => JSON.parse(`${"[".repeat(levels)}1${"]".repeat(levels)}`);
  expect(jsonFault(nested(64), 64)).toBeNull();
  expect(jsonFault(nested(65), 64)).not.toBeNull();
});

test("a fault is told with its path, whether in a value or in a name", () => {
  expect(jsonFault({ a: [{ b: "\ud800" }] }, 64)).toMatchObject({ path: "a.0.b" });
  expect(jsonFault({ a: { "\udc00": 1 } }, 64)).toMatchObject({ path: "a.\udc00" });
  expect(jsonFault(JSON.parse('{"a":{"__proto__":1}}'), 64)).toMatchObject({ path: "a.__proto__" });
  expect(jsonFault("\ud800", 64)).toMatchObject({ path: "" });
});

test("what can be kept is not refused", () => {
  const value = { text: "a\u0000b 😀", list: [1, null, true, ""], constructor: { prototype: {} } };
  expect(jsonFault(value, 64)).toBeNull();
});

test("a NUL in a path or a query names nothing", () => {
  expect(textFault("a\u0000")).not.toBeNull();
  expect(textFault("chat with 😀")).toBeNull();
});
