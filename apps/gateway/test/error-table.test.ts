import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ERRORS } from "@hsafa/protocol";
import { parseSync, Visitor } from "oxc-parser";
import { expect, test } from "vitest";

const src = join(import.meta.dirname, "../src");

/** Every text that stands in the gateway's code, the tests beside it and Prisma's client left out. */
function textsOfGateway(): ReadonlySet<string> {
  const texts = new Set<string>();
  const collector = new Visitor({
    Literal: ({ value }) => {
      if (typeof value === "string") texts.add(value);
    },
  });
  for (const path of globSync("**/*.ts", { cwd: src, exclude: ["**/*.test.ts", "**/generated/**"] })) {
    collector.visit(parseSync(path, readFileSync(join(src, path), "utf8")).program);
  }
  return texts;
}

test("no code of the error table is promised that the gateway never sends", () => {
  const texts = textsOfGateway();
  expect(Object.keys(ERRORS).filter((code) => !texts.has(code))).toEqual([]);
});

test("a code that stands nowhere in the gateway would be found", () => {
  expect(textsOfGateway().has("position_expired")).toBe(false);
});
