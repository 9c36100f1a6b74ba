import type { JsonObject } from "@hsafa/protocol";
import { expect, test } from "vitest";
import { type ArgField, argFields, argsOfForm, argsOfJson, sampleArgs } from "./arg-fields.ts";

const schema: JsonObject = {
  type: "object",
  required: ["path", "lines"],
  properties: {
    path: { type: "string", description: "where it lies" },
    lines: { type: "integer" },
    ratio: { type: "number" },
    isHidden: { type: "boolean" },
    mode: { enum: ["r", "w"] },
    more: { type: "object" },
  },
};
const fields = argFields(schema) as readonly ArgField[];
const read = (texts: Readonly<Record<string, string>>) => argsOfForm(fields, new Map(Object.entries(texts)));

test("a schema gives a field for each argument, by its kind", () => {
  expect(fields.map(({ name, kind, isRequired }) => [name, kind, isRequired])).toEqual([
    ["path", "text", true],
    ["lines", "integer", true],
    ["ratio", "number", false],
    ["isHidden", "boolean", false],
    ["mode", "choice", false],
    ["more", "json", false],
  ]);
  expect(argFields({ type: "object" })).toBe(null);
  expect(argFields({ type: "object", properties: {} })).toBe(null);
});

test("what is filled in becomes arguments of their kinds, and what is empty is left out", () => {
  expect(read({ path: "a", lines: "3", isHidden: "true", mode: "w", more: '{"a":[1]}' })).toEqual({
    kind: "args",
    args: { path: "a", lines: 3, isHidden: true, mode: "w", more: { a: [1] } },
  });
  // An empty text is a text.
  expect(read({ lines: "0" })).toEqual({ kind: "args", args: { path: "", lines: 0 } });
});

test("each wrong field is told by its name", () => {
  const wrong = read({ path: "a", lines: "1.5", ratio: "x", more: "{" });
  expect(wrong.kind === "faults" && [...wrong.faults]).toEqual([
    ["lines", "is no whole number"],
    ["ratio", "is no number"],
    ["more", 'is not JSON; a text stands in quotes: "…"'],
  ]);
  const missing = read({ path: "a" });
  expect(missing.kind === "faults" && [...missing.faults]).toEqual([["lines", "is required"]]);
});

test("JSON that is no object, or lacks what is required, is told", () => {
  const told = (text: string): string => {
    const args = argsOfJson(schema, text);
    return args.kind === "faults" ? (args.faults.get("") ?? "") : "args";
  };
  expect(told("{")).toContain("This is not JSON");
  expect(told("[]")).toContain("an object");
  expect(told('{"path":"a"}')).toBe("It lacks lines.");
  expect(told(sampleArgs(schema))).toBe("args");
});
