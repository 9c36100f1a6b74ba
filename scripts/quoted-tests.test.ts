import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

const root = join(import.meta.dirname, "..");

/** The tests that a document quotes: the last cell of each row, and each item that begins with **Test**. */
function quotedTests(document: string): string[] {
  const cells = document.split("\n").flatMap((line) => (line.startsWith("|") ? [line.split("|").at(-2) ?? ""] : []));
  const items = document.split(/\n(?=- )/).filter((item) => item.startsWith("- **Test**"));
  return [...cells, ...items].flatMap((text) =>
    [...text.replaceAll(/\s+/g, " ").matchAll(/"([^"]+)"/g)].map((match) => match[1] ?? ""),
  );
}

/** Whether the tests contain the quoted words, in this order where "…" leaves some out. */
function isQuotedFrom(tests: string, quote: string): boolean {
  const words = quote.split("…").map((part) => part.trim().replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`));
  return new RegExp(words.join(".*?"), "i").test(tests);
}

test("every test that a document quotes as a proof is there under that name", () => {
  const tests = globSync("{apps,packages}/*/{src,test}/**/*.ts", { cwd: root, exclude: ["**/node_modules/**"] })
    .filter((path) => /\.test\.ts$|\/test\//.test(path))
    .map((path) => readFileSync(join(root, path), "utf8"))
    .join("\n");
  for (const name of ["reliability.md", "reliability-bugs.md", "limits.md", "deploy/postgres.md", "deploy/redis.md"]) {
    const quotes = quotedTests(readFileSync(join(root, "docs", name), "utf8"));
    expect(quotes.length).toBeGreaterThan(5);
    expect({ name, gone: quotes.filter((quote) => !isQuotedFrom(tests, quote)) }).toEqual({ name, gone: [] });
  }
});

test("a quote that no test bears is found, and one that leaves words out is not", () => {
  const tests = `test("a cancel wins over a step that fails", () => {});`;
  expect(isQuotedFrom(tests, "a cancel loses")).toBe(false);
  expect(isQuotedFrom(tests, "A cancel … that fails")).toBe(true);
  expect(quotedTests(`| a | "one" | "two" |\n- **Test**: "three\n  four" in x\n- **Fix**: "five"`)).toEqual([
    "two",
    "three four",
  ]);
});
