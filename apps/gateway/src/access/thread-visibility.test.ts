import { expect, test } from "vitest";
import type { Principal } from "./principal.ts";
import { mayAccessThread } from "./thread-visibility.ts";

const key: Principal = { kind: "api_key", tenantId: "t", name: "k", scopes: ["runs:read"] };
const token = (bounds: Partial<Principal>): Principal => ({ ...key, kind: "token", ...bounds });

test("a key sees every thread of its tenant", () => {
  expect(mayAccessThread(key, "thread-9")).toBe(true);
});

test("a token for one run of a thread does not read the whole thread", () => {
  expect(mayAccessThread(token({ threadId: "thread-1" }), "thread-1")).toBe(true);
  expect(mayAccessThread(token({ threadId: "thread-1", runId: "run-1" }), "thread-1")).toBe(false);
  expect(mayAccessThread(token({ runId: "run-1" }), "thread-1")).toBe(false);
  expect(mayAccessThread(token({ deviceKey: "tab-1" }), "thread-1")).toBe(false);
});
