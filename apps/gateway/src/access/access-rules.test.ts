import { describe, expect, test } from "vitest";
import { hasScope, isBound, mayAccessRun, mayAccessThread } from "./access-rules.ts";
import type { Principal } from "./principal.ts";

const key: Principal = { kind: "api_key", tenantId: "t", name: "k", scopes: ["runs:read"] };
const token = (bounds: Partial<Principal>): Principal => ({ ...key, kind: "token", ...bounds });
const run = { id: "run-1", threadId: "thread-1", deviceKey: "tab-1" };

describe("scopes", () => {
  test("one of those asked for is enough, and admin is every one", () => {
    expect(hasScope(key, ["runs:write", "runs:read"])).toBe(true);
    expect(hasScope(key, ["runs:write"])).toBe(false);
    expect(hasScope({ ...key, scopes: ["admin"] }, ["agents:write"])).toBe(true);
  });

  test("writing does not let anybody read", () => {
    expect(hasScope({ ...key, scopes: ["runs:write"] }, ["runs:read"])).toBe(false);
  });
});

describe("bounds", () => {
  test("a key sees every run of its tenant", () => {
    expect(isBound(key)).toBe(false);
    expect(mayAccessRun(key, run)).toBe(true);
    expect(mayAccessThread(key, "thread-9")).toBe(true);
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
  ] as const)("a token for %s", (_what, bounds, may) => {
    expect(mayAccessRun(token(bounds), run)).toBe(may);
  });

  test("a run of no thread and no device lies outside a token for one", () => {
    const alone = { id: "run-1", threadId: null, deviceKey: null };
    expect(mayAccessRun(token({ threadId: "thread-1" }), alone)).toBe(false);
    expect(mayAccessRun(token({ deviceKey: "tab-1" }), alone)).toBe(false);
  });

  test("a token for one run of a thread does not read the whole thread", () => {
    expect(mayAccessThread(token({ threadId: "thread-1" }), "thread-1")).toBe(true);
    expect(mayAccessThread(token({ threadId: "thread-1", runId: "run-1" }), "thread-1")).toBe(false);
    expect(mayAccessThread(token({ runId: "run-1" }), "thread-1")).toBe(false);
    expect(mayAccessThread(token({ deviceKey: "tab-1" }), "thread-1")).toBe(false);
  });
});
