import type { JsonObject } from "@hsafa/protocol";
import fc from "fast-check";
import { expect, test } from "vitest";
import { configDiff } from "./config-diff.ts";

const json = fc.dictionary(fc.string(), fc.jsonValue()) as fc.Arbitrary<JsonObject>;

test("equal configs differ in nothing, and different ones in something", () => {
  fc.assert(
    fc.property(json, (config) => {
      expect(configDiff(config, structuredClone(config))).toEqual([]);
    }),
  );
  fc.assert(
    fc.property(json, json, (one, other) => {
      const differ = JSON.stringify(sorted(one)) !== JSON.stringify(sorted(other));
      expect(configDiff(one, other).length > 0).toBe(differ);
    }),
  );
});

test("a change of one tool is told by its name, whatever stands before it in the list", () => {
  const tool = (name: string, description: string): JsonObject => ({ name, description });
  const before = { model: "demo/a", tools: [tool("one", "1"), tool("two", "2")] };
  const after = { model: "demo/b", tools: [tool("zero", "0"), tool("two", "II")], maxSteps: 3 };
  expect(configDiff(before, after)).toEqual([
    { path: "maxSteps", after: 3 },
    { path: "model", before: "demo/a", after: "demo/b" },
    { path: "tools.one", before: tool("one", "1") },
    { path: "tools.two.description", before: "2", after: "II" },
    { path: "tools.zero", after: tool("zero", "0") },
  ]);
});

test("the same tools in another order are a change", () => {
  const [one, two] = [{ name: "one" }, { name: "two" }];
  expect(configDiff({ tools: [one, two] }, { tools: [two, one] })).toEqual([
    { path: "tools (order)", before: ["one", "two"], after: ["two", "one"] },
  ]);
});

function sorted(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(sorted);
  return Object.entries(value)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, item]) => [name, sorted(item)]);
}
