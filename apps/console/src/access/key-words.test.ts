import type { ApiKey, AuditEntry } from "@hsafa/protocol";
import { expect, test } from "vitest";
import { entryWords } from "./entry-words.ts";
import { keyWords, reachWords } from "./key-words.ts";

const key = (more: Partial<ApiKey>): ApiKey =>
  ({
    scopes: ["runs:read", "runs:write"],
    subject: null,
    groups: [],
    revokedAt: null,
    expiresAt: null,
    ...more,
  }) as ApiKey;

test("a key that has ended says how", () => {
  const at = "2026-11-29T12:00:00.000Z";
  const states = [{}, { expiresAt: at }, { expiresAt: at, revokedAt: at }];
  expect(states.map((more) => keyWords(key(more), Date.parse(at)).word)).toEqual(["taken", "expired", "revoked"]);
});

test("a key of a user and of groups says so", () => {
  expect(reachWords(key({}))).toBe("runs:read, runs:write");
  expect(reachWords(key({ subject: "ann", groups: ["finance"] }))).toBe("runs:read, runs:write, for ann, in finance");
});

test("an act says who did what to what", () => {
  const by = { kind: "token", keyId: "k", name: "site", subject: "ann", address: null };
  const entry = { by, action: "run.cancel", outcome: "requested", targets: { runId: "r" } } as unknown as AuditEntry;
  expect(entryWords(entry)).toEqual(["site (token) for ann", "run.cancel: requested", "runId r"]);
});
