import { expect, test } from "vitest";
import { asTenantId } from "../core/tenant-id.ts";
import type { Principal } from "./principal.ts";
import { isRunStarter, runStarterOf } from "./run-starter.ts";

const key: Principal = {
  kind: "api_key",
  keyId: "key-1",
  tenantId: asTenantId("t"),
  name: "chat",
  scopes: ["runs:write"],
};
const token = (more: Partial<Principal> = {}): Principal => ({
  ...key,
  kind: "token",
  scopes: ["runs:start", "approvals:decide"],
  agents: ["bank"],
  ...more,
});

test.each<[who: string, decider: Principal, starter: Principal, isSelf: boolean]>([
  ["the very token", token(), token(), true],
  [
    "the token that the page got anew",
    token({ expiresAt: 2, epoch: 3 } as Partial<Principal>),
    token({ expiresAt: 1 }),
    true,
  ],
  ["the token with its scopes in another order", token({ scopes: ["approvals:decide", "runs:start"] }), token(), true],
  ["a token of the key that names something else", token({ scopes: ["approvals:decide"], runId: "r" }), token(), false],
  ["a token alike of another key", token({ keyId: "key-2" }), token(), false],
  [
    "the user with another token",
    token({ subject: "ann", scopes: ["approvals:decide"] }),
    token({ subject: "ann" }),
    true,
  ],
  ["the user with a key", { ...key, subject: "ann" }, token({ subject: "ann" }), true],
  ["the user whose token another key made", token({ subject: "ann", keyId: "key-2" }), token({ subject: "ann" }), true],
  ["another user", token({ subject: "bob" }), token({ subject: "ann" }), false],
  ["another user with the same key", { ...key, subject: "bob" }, { ...key, subject: "ann" }, false],
  ["a token for nobody beside a user's", token(), token({ subject: "ann" }), false],
  ["the operator's program that started it", key, key, false],
  ["the operator's program beside a token that it made", key, token(), false],
  ["a token beside the program that made it", token(), key, false],
])("%s has started the run, or has not", (_who, decider, starter, isSelf) => {
  const known = { starter: runStarterOf(starter), subject: starter.subject ?? null };
  expect(isRunStarter(decider, known)).toBe(isSelf);
});

test("a run that the operator started for a user, or a user in another's thread, is of both", () => {
  const forAnn = { starter: runStarterOf(key), subject: "ann" };
  const inThreadOfAnn = { starter: runStarterOf(token({ subject: "bob" })), subject: "ann" };
  const users = ["ann", "bob", "cleo"].map((subject) => token({ subject }));
  expect(users.map((user) => isRunStarter(user, forAnn))).toEqual([true, false, false]);
  expect(users.map((user) => isRunStarter(user, inThreadOfAnn))).toEqual([true, true, false]);
  expect(isRunStarter(key, forAnn)).toBe(false);
});

test("a run of a gateway that did not note its starter is its user's alone", () => {
  expect(isRunStarter(token(), { starter: null, subject: null })).toBe(false);
  expect(isRunStarter(token({ subject: "ann" }), { starter: null, subject: "ann" })).toBe(true);
});

test("what a run keeps of its starter tells a token from its key, and holds no credential", () => {
  expect(runStarterOf(token({ subject: "ann" }))).toEqual({
    kind: "token",
    by: "ann by token of chat",
    keyId: "key-1",
    subject: "ann",
    likeness: expect.stringMatching(/^[0-9a-f]{64}$/) as unknown,
  });
});
