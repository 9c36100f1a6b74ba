import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { publishedFaults } from "./published-faults.ts";

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

/** The manifest of a package with a dependency, a peer and a part of its own. */
const manifest = {
  name: "@hsafa/thing",
  imports: { "#part": "./dist/part.js" },
  dependencies: { "@hsafa/protocol": "0.1.0" },
  peerDependencies: { zod: "4.0.0" },
};

/** A built package with these files by their paths. */
function builtPackage(files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), "hsafa-published-"));
  folders.push(folder);
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  return folder;
}

test("a package of code, its neighbours, its dependencies and Node has no fault", () => {
  const dist = builtPackage({
    "src/main.js": `import "./other.js"; import "node:fs"; export * from "@hsafa/protocol/schema"; import "@hsafa/thing";`,
    "src/other.js": `import { z } from "zod"; import "fs"; const part = await import("#part");`,
    "src/latest.js": "",
  });
  expect(publishedFaults(dist, manifest)).toEqual([]);
});

test.each([
  ["a test file", { "src/main.test.js": "" }, "src/main.test.js belongs to a test"],
  ["a type of a test file", { "src/main.test.d.ts": "" }, "src/main.test.d.ts belongs to a test"],
  ["a file in a folder of tests", { "test/store/memory-store.js": "" }, "test/store/memory-store.js belongs to a test"],
  ["a nested folder of tests", { "src/adapters/test/fake.js": "" }, "src/adapters/test/fake.js belongs to a test"],
  [
    "a package that only the repository has",
    { "src/main.js": `import { test } from "vitest";` },
    "src/main.js imports vitest, which is no dependency of @hsafa/thing",
  ],
  [
    "a package that is loaded when it is needed",
    { "src/main.js": `export const late = () => import("vitest");` },
    "src/main.js imports vitest, which is no dependency of @hsafa/thing",
  ],
  [
    "a part that is not in the package",
    { "src/main.js": `await import("#other");` },
    "src/main.js imports #other, which is missing",
  ],
  [
    "a file that was not built",
    { "src/main.js": `export { a } from "./gone.js";` },
    "src/main.js imports ./gone.js, which is missing",
  ],
])("%s is refused", (_what, files, fault) => {
  expect(publishedFaults(builtPackage(files), manifest)).toEqual([fault]);
});
