import { expect, test } from "vitest";
import { publishedManifest } from "./published-manifest.ts";

const workspace = {
  name: "thing",
  version: "1.2.3",
  private: true,
  scripts: { prepack: "x" },
  devDependencies: { a: "1" },
};

test("a library points at its JavaScript and types, for import and for require", () => {
  const published = publishedManifest(
    { ...workspace, exports: { ".": "./src/index.ts", "./schema": "./src/schema/index.ts" }, dependencies: { b: "2" } },
    { formats: ["esm", "cjs"] },
  );
  expect(published).toEqual({
    name: "thing",
    version: "1.2.3",
    main: "./dist/cjs/src/index.js",
    types: "./dist/cjs/src/index.d.ts",
    exports: {
      ".": {
        import: { types: "./dist/src/index.d.ts", default: "./dist/src/index.js" },
        require: { types: "./dist/cjs/src/index.d.ts", default: "./dist/cjs/src/index.js" },
      },
      "./schema": {
        import: { types: "./dist/src/schema/index.d.ts", default: "./dist/src/schema/index.js" },
        require: { types: "./dist/cjs/src/schema/index.d.ts", default: "./dist/cjs/src/schema/index.js" },
      },
      "./package.json": "./package.json",
    },
    files: ["dist"],
    dependencies: { b: "2" },
  });
});

test("a command brings its part's dependencies, but not the part", () => {
  const part = {
    manifest: { name: "part", version: "1.2.3", dependencies: { c: "3", a: "1" } },
    name: "part",
    imports: { "#part": "src/part.js" },
  };
  const published = publishedManifest(
    {
      ...workspace,
      bin: { thing: "bin/thing.js" },
      imports: { "#part": "part" },
      exports: { "./package.json": "./package.json" },
      dependencies: { part: "1.2.3", b: "2" },
    },
    { formats: ["esm"], part },
  );
  expect(published).toEqual({
    name: "thing",
    version: "1.2.3",
    exports: { "./package.json": "./package.json" },
    files: ["dist"],
    bin: { thing: "dist/bin/thing.js" },
    imports: { "#part": "./dist/part/src/part.js" },
    dependencies: { a: "1", b: "2", c: "3" },
  });
});
