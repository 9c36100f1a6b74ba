import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

test("nothing but the client's own files is imported at run time, so that it works in a browser, in Node and on a phone", () => {
  const sources = globSync("**/*.ts", { cwd: import.meta.dirname }).filter((path) => !path.endsWith(".test.ts"));
  expect(sources.length).toBeGreaterThan(10);
  const foreign = sources.flatMap((path) => {
    const text = readFileSync(join(import.meta.dirname, path), "utf8");
    return [...text.matchAll(/^(import|export)\s+(?!type\b)[^;]*?from\s+"(?!\.)[^"]+"/gm)].map(
      ([found]) => `${path}: ${found}`,
    );
  });
  expect(foreign).toEqual([]);
});
