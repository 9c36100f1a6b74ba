import { expect, test } from "vitest";
import type { Principal } from "./principal.ts";
import { mayAccessThread } from "./thread-visibility.ts";
import { asTenantId } from "../core/tenant-id.ts";

const key: Principal = { kind: "api_key", keyId: "key-1", tenantId: asTenantId("t"), name: "k", scopes: ["runs:read"] };
const token = (bounds: Partial<Principal>): Principal => ({ ...key, kind: "token", keyId: "key-1", ...bounds });
const ours = { id: "thread-1", subject: null };
const hers = { id: "thread-1", subject: "alice" };

test("a key of the operator sees every thread of its tenant", () => {
  expect([mayAccessThread(key, ours), mayAccessThread(key, hers)]).toEqual([true, true]);
});

test("a token for one run of a thread does not read the whole thread", () => {
  expect(mayAccessThread(token({ threadId: "thread-1" }), ours)).toBe(true);
  expect(mayAccessThread(token({ threadId: "thread-1", runId: "run-1" }), ours)).toBe(false);
  expect(mayAccessThread(token({ runId: "run-1" }), ours)).toBe(false);
  expect(mayAccessThread(token({ deviceKey: "tab-1" }), ours)).toBe(false);
});

test.each([
  ["a token for the user", token({ subject: "alice" }), true, false],
  ["a token for another user", token({ subject: "bob" }), false, false],
  ["a token for nobody", token({}), false, true],
  ["a key for the user", { ...key, subject: "alice" }, true, false],
  ["another user's token that names the thread", token({ subject: "bob", threadId: "thread-1" }), true, true],
  ["the user's token that names another thread", token({ subject: "alice", threadId: "thread-2" }), false, false],
] as const)(
  "a thread of a user is entered by %s only as its subject or its name allows",
  (_who, principal, entersHers, entersOurs) => {
    expect([mayAccessThread(principal, hers), mayAccessThread(principal, ours)]).toEqual([entersHers, entersOurs]);
  },
);
