import { expect, test } from "vitest";
import { cycleFaults } from "./architecture-cycles.ts";
import { isTest, repositorySources } from "./architecture-source.ts";

/** Sources whose only content is what they import. */
function importing(imports: Readonly<Record<string, readonly string[]>>): { path: string; text: string }[] {
  return Object.entries(imports).map(([path, specifiers]) => ({
    path,
    text: specifiers.map((specifier) => `import type { A } from "${specifier}";`).join("\n"),
  }));
}

test("no source imports itself by any detour, types included", () => {
  expect(cycleFaults(repositorySources().filter((source) => !isTest(source.path)))).toEqual([]);
});

test("two files that import each other are refused", () => {
  const sources = importing({ "apps/a/src/one.ts": ["./two.ts"], "apps/a/src/two.ts": ["./one.ts"] });
  expect(cycleFaults(sources)).toEqual(["import cycle: apps/a/src/one.ts, apps/a/src/two.ts"]);
});

test("a detour through another package is refused, and what merely leads there is left alone", () => {
  const sources = importing({
    "packages/protocol/src/index.ts": ["./run.ts"],
    "packages/protocol/src/run.ts": ["../../client/src/client.ts"],
    "packages/client/src/client.ts": ["@hsafa/protocol"],
    "packages/client/src/index.ts": ["./client.ts"],
  });
  expect(cycleFaults(sources)).toEqual([
    "import cycle: packages/client/src/client.ts, packages/protocol/src/index.ts, packages/protocol/src/run.ts",
  ]);
});

test("a file that imports itself is refused", () => {
  expect(cycleFaults(importing({ "apps/a/src/one.ts": ["./one.ts"] }))).toHaveLength(1);
});

test("two ways to one file are no cycle", () => {
  const sources = importing({
    "apps/a/src/top.ts": ["./left.ts", "./right.ts"],
    "apps/a/src/left.ts": ["./bottom.ts"],
    "apps/a/src/right.ts": ["./bottom.ts"],
    "apps/a/src/bottom.ts": [],
  });
  expect(cycleFaults(sources)).toEqual([]);
});
