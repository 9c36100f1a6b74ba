/** Commands of who runs hsafa: keys, tokens, tenants, quotas, secrets, audit. */
import { afterAll, expect, test } from "vitest";
import { startCliWorld } from "./cli-world.ts";

const { done, close } = await startCliWorld();
afterAll(close);

test("a secret is set from standard input, listed without its value, and forgotten", async () => {
  const set = await done(["secrets", "set", "crm"], { input: "value-of-the-secret\n" });
  expect(set).toEqual({ exit: 0, out: "set: crm\n", notes: "" });
  const listed = await done(["secrets", "list"]);
  expect(listed.out).toMatch(/^crm {2}set \S+ by dev\n$/);
  expect(await done(["secrets", "set", "crm"], { input: "\n" })).toMatchObject({ exit: 2 });
  expect((await done(["secrets", "rm", "crm"])).out).toBe("forgotten: crm\n");
  expect(await done(["secrets", "list"])).toEqual({ exit: 0, out: "", notes: "" });
});

test("the audit log is listed for people and as JSON, and says who set a secret", async () => {
  await done(["secrets", "set", "audited"], { input: "value-of-the-secret\n" });
  const listed = await done(["audit", "--action", "secret.put", "--limit", "1"]);
  expect(listed.out).toMatch(/^\S+Z {2}secret\.put created {2}by operator dev from \S+ {2}\{"secret":"audited"\}\n$/);
  const json = await done(["audit", "--json", "--since", "2026-01-01", "--limit", "1"]);
  expect(JSON.parse(json.out)).toMatchObject({ action: "secret.put", targets: { secret: "audited" } });
  expect((await done(["audit", "--until", "2026-01-01"])).out).toBe("");
  expect(await done(["audit", "--since", "yesterday"])).toMatchObject({ exit: 2 });
});

test("with the operator's key the audit log of another tenant is listed, and with its own key no other", async () => {
  const { out } = await done(["tenants", "create", "watched"]);
  const env = { HSAFA_API_KEY: out.trim() };
  const actions = ["key.create", "tenant.create"];
  const shown = (text: string) =>
    text
      .trim()
      .split("\n")
      .map((line) => /Z {2}(\S+)/.exec(line)?.[1]);
  expect(shown((await done(["audit"], { env })).out)).toEqual(actions);
  expect(shown((await done(["audit", "--tenant", "watched"])).out)).toEqual(actions);
  const json = await done(["audit", "--tenant", "watched", "--json", "--action", "tenant.create"]);
  expect(JSON.parse(json.out)).toMatchObject({ action: "tenant.create", by: { kind: "operator" } });
  const refused = await done(["audit", "--tenant", "default"], { env });
  expect(refused).toMatchObject({ exit: 2, out: "", notes: expect.stringContaining("[forbidden]") as string });
  expect((await done(["audit", "--tenant", "nobody"])).notes).toContain("[not_found]");
});

test("quotas are shown, set with the operator's key, and refused in words when they name nothing", async () => {
  const set = await done(["quotas", "devices=500", "threads=7"]);
  expect(set).toMatchObject({ exit: 0, out: expect.stringMatching(/^devices +\d+ of 500$/m) as string });
  expect((await done(["quotas", "threads=default"])).out).toMatch(/^devices +\d+ of 500$/m);
  expect((await done(["quotas"])).out).not.toMatch(/^threads +\d+ of 7$/m);
  expect(await done(["quotas", "device=5"])).toMatchObject({ exit: 2, out: "" });
  expect(await done(["quotas", "devices=-5"])).toMatchObject({ exit: 2, out: "" });
});

test("a key is made, listed, rotated and revoked; its secret alone is the result", async () => {
  const made = await done(["keys", "create", "ci of acme", "--scopes", "runs:read,runs:write", "--expires", "12h"]);
  expect(made.out).toMatch(/^hsafa_[\w-]+\n$/);
  const [, keyId = ""] = /\(([0-9a-f-]{36})\)/.exec(made.notes) ?? [];
  const asKey = (secret: string) => done(["runs"], { env: { HSAFA_API_KEY: secret.trim() } });
  expect((await asKey(made.out)).exit).toBe(0);
  expect((await done(["keys", "list"])).out).toContain(`${keyId}  ci of acme  [runs:read runs:write]`);

  const rotated = await done(["keys", "rotate", keyId, "--overlap", "0s"]);
  expect((await asKey(rotated.out)).exit).toBe(0);
  expect((await asKey(made.out)).exit).toBe(2);
  expect((await done(["keys", "revoke", keyId])).out).toBe(`revoked ${keyId}\n`);
  expect((await asKey(rotated.out)).exit).toBe(2);
  const wrong = await done(["keys", "create", "x", "--scopes", "everything"]);
  expect(wrong.notes).toContain("'everything' is no scope");
  expect(wrong.exit).toBe(2);
});

test("a tenant is made, shown, disabled and enabled; its key alone is the result", async () => {
  const made = await done(["tenants", "create", "acme"]);
  expect(made.out).toMatch(/^hsafa_[\w-]+\n$/);
  const asTenant = () => done(["runs"], { env: { HSAFA_API_KEY: made.out.trim() } });
  expect(await asTenant()).toMatchObject({ exit: 0, out: "" });
  expect((await done(["tenants", "list"])).out).toMatch(/^[0-9a-f-]{36} {2}acme {2}made \S+\n/);
  expect((await done(["tenants", "disable", "acme"])).out).toMatch(/ disabled \S+\n$/);
  expect((await asTenant()).exit).toBe(2);
  expect((await done(["tenants", "enable", "acme"])).out).not.toContain("disabled");
  expect((await done(["tenants", "show", "acme"])).out).toContain("acme");
  const key = await done(["tenants", "key", "acme", "reader", "--scopes", "runs:read"]);
  expect((await done(["runs"], { env: { HSAFA_API_KEY: key.out.trim() } })).exit).toBe(0);
  expect(await done(["tenants", "create", "acme"])).toMatchObject({ exit: 2, out: "" });
});

test("a token is made for a page, and does only what it names; ending tokens takes a word", async () => {
  const made = await done(["tokens", "create", "--scopes", "runs:read", "--expires", "5m"]);
  const asToken = (args: string[]) => done(args, { env: { HSAFA_API_KEY: made.out.trim() } });
  expect((await asToken(["runs", "--limit", "1"])).exit).toBe(0);
  expect((await asToken(["cancel", "01980000-0000-7000-8000-000000000000"])).exit).toBe(2);
  expect(await done(["tokens", "revoke"])).toMatchObject({ exit: 2, out: "" });
});
