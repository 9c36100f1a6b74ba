import type { Session } from "@hsafa/protocol";
import { expect, test } from "vitest";
import { mayDo } from "./may-do.ts";

const session = (more: Partial<Session>): Session => ({
  kind: "api_key",
  name: "a",
  subject: null,
  scopes: ["runs:write"],
  expiresAt: "2026-11-29T12:00:00.000Z",
  ...more,
});

test("a key that writes runs decides and answers, and a user's does not", () => {
  const acts = ["runs:send", "runs:cancel", "approvals:decide", "tools:answer"] as const;
  expect(acts.map((scope) => mayDo(session({}), scope))).toEqual([true, true, true, true]);
  expect(acts.map((scope) => mayDo(session({ subject: "ann" }), scope))).toEqual([true, true, false, false]);
  expect(acts.map((scope) => mayDo(session({ kind: "token" }), scope))).toEqual([true, true, false, false]);
});

test("who only reads is offered nothing else", () => {
  expect(mayDo(session({ scopes: ["runs:read"] }), "runs:cancel")).toBe(false);
  expect(mayDo(session({ scopes: ["admin"] }), "agents:write")).toBe(true);
});
