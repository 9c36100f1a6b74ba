import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { readAgentFile } from "./agent-file.ts";
import { CliError } from "./cli-error.ts";

const folder = mkdtempSync(join(tmpdir(), "hsafa-agent-file-"));
afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

describe("an agent's file", () => {
  test.each([
    ["JSON", "a.json", `{"name": "a", "model": "demo/hello"}`],
    ["JSON with a schema for editors", "s.json", `{"$schema": "./a.json", "name": "a", "model": "demo/hello"}`],
    ["a JavaScript module", "a.mjs", `export default { name: "a", model: "demo/hello", system: undefined };`],
    ["a TypeScript module", "a.mts", `const name: string = "a"; export default { name, model: "demo/hello" };`],
  ])("may be %s", async (_kind, name, text) => {
    expect(await readAgentFile(file(name, text))).toEqual({ name: "a", config: { name: "a", model: "demo/hello" } });
  });

  test.each([
    ["that is missing", () => join(folder, "none.json"), "There is no file"],
    ["that is no JSON", () => file("b.json", `{"name": `), "is not JSON"],
    ["that is YAML", () => file("a.yaml", "name: a"), "is YAML, which hsafa does not read: write it as JSON"],
    ["that holds a list", () => file("c.json", "[]"), "holds no agent config"],
    ["without a name", () => file("d.json", `{"model": "demo/hello"}`), "'name' is missing"],
    ["without a default export", () => file("e.mjs", "export const agent = {};"), "no default export"],
    ["that throws", () => file("f.mjs", `throw new Error("out of ink")`), "out of ink"],
    [
      "that JSON cannot hold",
      () => file("g.mjs", "const a = {}; a.a = a; export default a;"),
      "cannot be written as JSON",
    ],
  ])("%s says what to do", async (_fault, path, message) => {
    const fault: unknown = await readAgentFile(path()).catch((error: unknown) => error);
    expect(fault).toBeInstanceOf(CliError);
    expect((fault as CliError).message).toContain(message);
  });
});
