import { expect, test } from "vitest";
import { boundFaults } from "./architecture-bounds.ts";
import { isTest, repositorySources } from "./architecture-source.ts";

const path = "apps/gateway/src/engine/engine.ts";

test("every bound stands in the limits.ts of its layer (R9)", () => {
  const code = repositorySources().filter((source) => !isTest(source.path));
  expect(code.flatMap(boundFaults)).toEqual([]);
});

test.each([
  ["a count", "const TRIES_MAX = 5;"],
  ["a time", "export const LEASE_MS = 6_000;"],
  ["a product", "const BYTES_MAX = 8 * 1024 * 1024;"],
  ["a product of another bound", "const SLACK_MS = LEASE_MS / 6;"],
  ["a negative number", "const OFFSET = -1;"],
  ["a bound inside of a function", "function f() { const PAGE = 200; }"],
])("%s outside of a limits.ts is refused", (_what, text) => {
  expect(boundFaults({ path, text })).toHaveLength(1);
});

test.each([
  ["a bound in a limits.ts", "apps/gateway/src/engine/limits.ts", "export const TRIES_MAX = 5;"],
  ["a text", path, `const NAME = "5";`],
  ["a number that is computed and bounds nothing", path, "const doubled = 2 * count;"],
  ["the key of a lock", path, "const LOCK_KEY = 72_707_369;"],
])("%s is allowed", (_what, at, text) => {
  expect(boundFaults({ path: at, text })).toEqual([]);
});
