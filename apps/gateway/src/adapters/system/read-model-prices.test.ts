import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { readModelPrices } from "./read-model-prices.ts";

const folder = mkdtempSync(join(tmpdir(), "hsafa-prices-"));
afterAll(() => rmSync(folder, { recursive: true }));

const table =
  '{"openai/gpt-5-mini": {"input": 0.25, "output": 2, "cachedInput": 0.025}, "demo/echo": {"input": 0, "output": 1}}';

test("prices are read from JSON and from a file alike", () => {
  const file = join(folder, "prices.json");
  writeFileSync(file, table);
  const fromFile = readModelPrices(file);
  expect(fromFile).toEqual(readModelPrices(table));
  expect(fromFile.kind === "read" && [...fromFile.prices]).toEqual([
    ["openai/gpt-5-mini", { input: 0.25, output: 2, cachedInput: 0.025 }],
    ["demo/echo", { input: 0, output: 1 }],
  ]);
});

test.each([
  ["{oops", "it is no JSON"],
  ["/nowhere/prices.json", "the file '/nowhere/prices.json' cannot be read (ENOENT)"],
  ['{"gpt-5": {"input": 1, "output": 1}}', "'gpt-5'"],
  ['{"openai/x": {"input": -1, "output": 1}}', "'openai/x.input'"],
  ['{"openai/x": {"input": 1}}', "'openai/x.output'"],
  ['{"openai/x": {"input": 1, "output": 1, "cached": 1}}', "cached"],
])("a table that cannot be meant is refused, and the fault is named: %s", (value, names) => {
  const read = readModelPrices(value);
  expect(read).toMatchObject({ kind: "fault" });
  expect(read.kind === "fault" && read.must).toContain(names);
});
