import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { docstringFaults } from "./docstrings.ts";

const root = join(import.meta.dirname, "../../..");

test("every export of the protocol, its schemas and the client has a docstring, so that an editor explains it", () => {
  const paths = globSync("packages/{protocol,client}/src/**/*.ts", { cwd: root }).filter(
    (path) => !path.endsWith(".test.ts"),
  );
  expect(paths.length).toBeGreaterThan(40);
  const faults = paths.flatMap((path) => docstringFaults(path, readFileSync(join(root, path), "utf8")));
  expect(faults).toEqual([]);
});

test.each([
  ["a function", "export function run() {}"],
  ["a constant", "export const A = 1;"],
  ["a type", "export type A = 1;"],
  ["an interface", "export interface A {}"],
  ["a class", "export class A {}"],
  ["a default", "export default 1;"],
  ["a declaration after a line comment", "// It runs.\nexport function run() {}"],
  ["a declaration after an ordinary block comment", "/* It runs. */\nexport function run() {}"],
  ["a declaration whose docstring belongs to another", "/** A. */\nconst a = 1;\nexport const b = a;"],
  ["a method of an interface", "/** A. */\nexport interface A { run(): void }"],
  ["a function in a field of an interface", "/** A. */\nexport interface A { readonly run: () => void }"],
  ["a method of a class", "/** A. */\nexport class A { run() {} }"],
  ["a getter of a class", "/** A. */\nexport class A { get size() { return 1; } }"],
  ["an export apart from its declaration", "const a = 1;\nexport { a };"],
])("%s without a docstring is refused", (_what, text) => {
  expect(docstringFaults("a.ts", text)).toHaveLength(1);
});

test.each([
  ["a documented declaration", "/** A. */\nexport const A = 1;"],
  ["what is not exported", "const a = 1;\nfunction b() {}"],
  ["what another file declares", `export { a } from "./a.ts";\nexport * from "./b.ts";`],
  ["documented methods, and fields", "/** A. */\nexport interface A { readonly id: string; /** Runs. */ run(): void }"],
  ["private methods", "/** A. */\nexport class A { #run() {} }"],
])("%s is accepted", (_what, text) => {
  expect(docstringFaults("a.ts", text)).toEqual([]);
});
