import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { reachableFrom } from "./reachable-imports.ts";

const root = join(import.meta.dirname, "../../..");
const entry = "packages/client/src/index.ts";
const protocol = { "@hsafa/protocol": "packages/protocol/src/index.ts" };

function read(path: string): string {
  return readFileSync(join(root, path), "utf8");
}

test("the client loads nothing but itself and the protocol, so that it works in a browser, in Node and on a phone", () => {
  const { sources, foreign } = reachableFrom(entry, protocol, read);
  expect(foreign).toEqual([]);
  expect(sources.filter((path) => path.startsWith("packages/client/src/")).length).toBeGreaterThan(10);
  expect(sources.filter((path) => path.startsWith("packages/protocol/src/")).length).toBeGreaterThan(10);
});

test("no validator is in the client's bundle: neither zod nor a schema of the protocol is reachable", () => {
  const { sources } = reachableFrom(entry, protocol, read);
  expect(sources.filter((path) => path.includes("/schema/") || path.includes("zod"))).toEqual([]);
});

test("what the manifests say agrees: the client depends on the protocol alone, and the protocol on nothing", () => {
  const dependenciesOf = (name: string): unknown =>
    (JSON.parse(read(`packages/${name}/package.json`)) as { dependencies?: unknown }).dependencies;
  expect(dependenciesOf("client")).toEqual({ "@hsafa/protocol": "0.1.0" });
  expect(dependenciesOf("protocol")).toBeUndefined();
});

test.each([
  ["directly", `import { z } from "zod";`, "a.ts"],
  ["by the schemas of the protocol", `import { idSchema } from "p/schema";`, "a.ts"],
  ["by another file", `export { b } from "./b.ts";`, "b.ts"],
  ["when it is called", `export const load = () => import("zod");`, "a.ts"],
  ["for its effects", `import "zod";`, "a.ts"],
])("a package that is loaded %s is found", (_how, text, importer) => {
  const sources: Record<string, string> = { "a.ts": text, "b.ts": `import { type A, z } from "zod";` };
  const { foreign } = reachableFrom("a.ts", { p: "p.ts" }, (path) => sources[path] ?? "");
  expect(foreign).toEqual([{ specifier: text.includes("p/schema") ? "p/schema" : "zod", importer }]);
});

test.each([`import type { A } from "zod";`, `import { type A } from "zod";`, `export type { A } from "zod";`])(
  "types are erased and load nothing: %s",
  (text) => {
    expect(reachableFrom("a.ts", {}, () => text).foreign).toEqual([]);
  },
);
