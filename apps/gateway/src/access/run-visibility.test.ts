import { describe, expect, test } from "vitest";
import { isBound } from "./bounds.ts";
import type { Principal } from "./principal.ts";
import { mayAccessRun } from "./run-visibility.ts";
import { asTenantId } from "../core/tenant-id.ts";

const key: Principal = { kind: "api_key", keyId: "key-1", tenantId: asTenantId("t"), name: "k", scopes: ["runs:read"] };
const token = (bounds: Partial<Principal>): Principal => ({ ...key, kind: "token", keyId: "key-1", ...bounds });
const noRoot = { rootRunId: null, rootThreadId: null };
const run = { id: "run-1", threadId: "thread-1", deviceKey: "tab-1", subject: null, ...noRoot };

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
  const alone = { id: "run-1", threadId: null, deviceKey: null, subject: null, ...noRoot };
  expect(mayAccessRun(token({ threadId: "thread-1" }), alone)).toBe(false);
  expect(mayAccessRun(token({ deviceKey: "tab-1" }), alone)).toBe(false);
});

test.each([
  ["the run at the top", { runId: "run-0" }, true],
  ["the thread of the run at the top", { threadId: "thread-1" }, true],
  ["another run", { runId: "run-9" }, false],
  ["another thread", { threadId: "thread-9" }, false],
] as const)("a child is seen by a token for %s as that run is", (_what, bounds, may) => {
  const child = { ...run, threadId: null, rootRunId: "run-0", rootThreadId: "thread-1" };
  expect(mayAccessRun(token(bounds), child)).toBe(may);
});

describe("a run of a user is seen by that user, by operators, and where it is named", () => {
  const hers = { ...run, subject: "alice" };
  const ours = { ...run, subject: null };
  test.each([
    ["an operator's key", key, true, true],
    ["a key for that user", { ...key, subject: "alice" }, true, false],
    ["a key for another user", { ...key, subject: "bob" }, false, false],
    ["a token for that user", token({ subject: "alice" }), true, false],
    ["a token for another user", token({ subject: "bob" }), false, false],
    ["a token for nobody", token({}), false, true],
    ["another user's token that names the run", token({ subject: "bob", runId: "run-1" }), true, true],
    ["another user's token that names its thread", token({ subject: "bob", threadId: "thread-1" }), true, true],
    ["the user's token that names its device", token({ subject: "alice", deviceKey: "tab-1" }), true, true],
    ["another user's token for the same device", token({ subject: "bob", deviceKey: "tab-1" }), false, true],
    ["a token for nobody and the same device", token({ deviceKey: "tab-1" }), false, true],
  ] as const)("%s", (_who, principal, seesHers, seesOurs) => {
    expect([mayAccessRun(principal, hers), mayAccessRun(principal, ours)]).toEqual([seesHers, seesOurs]);
  });
});
