import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { unreachableTypes } from "./unreachable-types.ts";

test("a declaration stays if an entry leads to it, however it is named", () => {
  const folder = mkdtempSync(join(tmpdir(), "hsafa-types-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const files = {
    "dist/src/index.d.ts": `export { a } from "./a.ts";\nexport type B = import("./b.js").B;\nexport * from "#part";`,
    "dist/src/a.d.ts": `import type { Deep } from "./deep/deep.js";\nexport declare const a: Deep;`,
    "dist/src/b.d.ts": "export interface B {}",
    "dist/src/deep/deep.d.ts": `export type { Deep } from "../a.js";`,
    "dist/part/part.d.ts": "export declare const part: 1;",
    "dist/part/inside.d.ts": "export declare const inside: 1;",
    "dist/src/only-code.d.ts": "export declare const own: 1;",
  };
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  const exports = { ".": { types: "./dist/src/index.d.ts", default: "./dist/src/index.js" } };
  const manifest = { name: "p", version: "1.0.0", exports, imports: { "#part": "./dist/part/part.js" } };
  expect(unreachableTypes(folder, manifest as never).toSorted()).toEqual([
    "dist/part/inside.d.ts",
    "dist/src/only-code.d.ts",
  ]);
});
