import { expect, test } from "vitest";
import { tokenSecrets } from "./browser-token.ts";
import { openSession, sealSession } from "./sealed-session.ts";

const secretOf = (text: string): Uint8Array => new TextEncoder().encode(text.padEnd(32, "."));
const secrets = tokenSecrets(secretOf("now"), [secretOf("before")]);
const credential = "hsafa_key_that_nobody_else_reads";
const NOW = Date.UTC(2026, 10, 29);
const expiresAt = NOW + 60_000;

test("a session holds its credential until it expires, and shows nothing of it", async () => {
  const sealed = await sealSession(secrets, { credential, expiresAt });
  expect(Buffer.from(sealed.replaceAll(".", ""), "base64url").toString("latin1")).not.toContain(credential);
  expect(await openSession(secrets, sealed, NOW)).toEqual({ credential, expiresAt });
  expect(await openSession(secrets, sealed, expiresAt + 1000)).toBeNull();
});

test("a session of a former secret is taken as its tokens are, and one of another secret is not", async () => {
  const former = await sealSession(tokenSecrets(secretOf("before")), { credential, expiresAt });
  expect(await openSession(secrets, former, NOW)).toEqual({ credential, expiresAt });
  expect(await openSession(tokenSecrets(secretOf("now")), former, NOW)).toBeNull();
});

test("what was changed, and what is no session at all, opens nothing", async () => {
  const sealed = await sealSession(secrets, { credential, expiresAt });
  // The first character of the tag. The last one has bits that base64url leaves unused.
  const changed = sealed.replace(/[^.](?=[^.]*$)/, (first) => (first === "A" ? "B" : "A"));
  for (const text of [changed, `${sealed}x`, "", "a.b.c", "a.b.c.d.e", credential])
    expect(await openSession(secrets, text, NOW)).toBeNull();
});
