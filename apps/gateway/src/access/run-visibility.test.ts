import { expect, test } from "vitest";
import { isBound } from "./bounds.ts";
import type { Principal } from "./principal.ts";
import { mayAccessRun } from "./run-visibility.ts";

const key: Principal = { kind: "api_key", tenantId: "t", name: "k", scopes: ["runs:read"] };
const token = (bounds: Partial<Principal>): Principal => ({ ...key, kind: "token", ...bounds });
const run = { id: "run-1", threadId: "thread-1", deviceKey: "tab-1" };

test("a key sees every run of its tenant", () => {
  expect(isBound(key)).toBe(false);
  expect(mayAccessRun(key, run)).toBe(true);
});

test.each([
  ["its run", { runId: "run-1" }, true],
  ["another run", { runId: "run-2" }, false],
  ["its thread", { threadId: "thread-1" }, true],
  ["another thread", { threadId: "thread-2" }, false],
  ["its device", { deviceKey: "tab-1" }, true],
  ["another device", { deviceKey: "tab-2" }, false],
  ["its run, from a device that did not start it", { runId: "run-1", deviceKey: "tab-2" }, true],
  ["its thread, from a device that did not start the run", { threadId: "thread-1", deviceKey: "tab-2" }, true],
  ["its run in another thread", { runId: "run-1", threadId: "thread-2" }, false],
] as const)("a token for %s sees the run only within its bounds", (_what, bounds, may) => {
  expect(isBound(token(bounds))).toBe(true);
  expect(mayAccessRun(token(bounds), run)).toBe(may);
});

test("a run of no thread and no device lies outside a token for one", () => {
  const alone = { id: "run-1", threadId: null, deviceKey: null };
  expect(mayAccessRun(token({ threadId: "thread-1" }), alone)).toBe(false);
  expect(mayAccessRun(token({ deviceKey: "tab-1" }), alone)).toBe(false);
});
