import fc from "fast-check";
import { expect, test } from "vitest";
import { redactForms, redactSecrets, secretForms } from "./redact-secrets.ts";

const SECRET = "k-1234567890+/abc?def";

test.each([
  ["as it is", `Incorrect key: ${SECRET}.`],
  ["percent-encoded", `GET /?key=${encodeURIComponent(SECRET)}`],
  ["as JSON", JSON.stringify({ key: SECRET })],
  ["as Base64", Buffer.from(SECRET).toString("base64")],
  ["as Base64 for URLs", Buffer.from(SECRET).toString("base64url")],
  ["in Base64 of a user and a password", Buffer.from(`user:${SECRET}`).toString("base64")],
  ["in Base64 of a header", Buffer.from(`Bearer ${SECRET}\r\nhost: x`).toString("base64")],
  ["in a header", `authorization: Bearer ${SECRET}`],
])("a secret is removed %s", (_, text) => {
  const redacted = redactSecrets(text, [SECRET]);
  expect(redacted).toContain("[key]");
  expect(redacted).not.toContain("1234567890");
  expect(redacted).not.toContain(Buffer.from(SECRET).toString("base64").slice(4, 16));
});

test("any secret is removed from any text, in each form that it may have there", () => {
  const secret = fc.string({ unit: "grapheme", minLength: 8, maxLength: 60 });
  const encoders: readonly ((text: string) => string)[] = [
    (text) => text,
    (text) => encodeURIComponent(text),
    (text) => encodeURIComponent(text).replaceAll(/%../g, (code) => code.toLowerCase()),
    (text) => encodeURIComponent(encodeURIComponent(text)),
    (text) => encodeURIComponent(Buffer.from(text).toString("base64")),
    (text) => new URLSearchParams({ q: text }).toString(),
    (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;"),
    (text) => Buffer.from(text).toString("hex"),
    (text) => Buffer.from(text).toString("hex").toUpperCase(),
    (text) => Buffer.from(text).toString("hex").replaceAll(/../g, "%$&"),
    (text) => JSON.stringify(text),
    (text) => JSON.stringify(JSON.stringify(text)),
    (text) => JSON.stringify(text).replaceAll("/", String.raw`\/`),
    ...[0, 1, 2].flatMap((shift): ((text: string) => string)[] => [
      (text) => Buffer.from("x".repeat(shift) + text + "y").toString("base64"),
      (text) => Buffer.from("x".repeat(shift) + text + "y").toString("base64url"),
    ]),
  ];
  fc.assert(
    fc.property(secret, fc.constantFrom(...encoders), fc.string(), fc.string(), (value, encode, before, after) => {
      const redacted = redactForms(`${before}${encode(value)}${after}`, secretForms([value, "another-secret"]));
      expect(redacted).toContain("[key]");
      expect(secretForms([value]).filter((form) => redacted.includes(form))).toEqual([]);
    }),
    { numRuns: 500 },
  );
});

test("a secret is removed from Base64 whatever stands before and behind it", () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 9 }), fc.string({ maxLength: 9 }), (before, after) => {
      const redacted = redactSecrets(Buffer.from(before + SECRET + after).toString("base64"), [SECRET]);
      // What is left may show the neighbours of the secret, and one character of it on each side.
      expect(Buffer.from(redacted.replace("[key]", ""), "base64").toString()).not.toContain(SECRET.slice(2, -2));
      expect(redacted).toContain("[key]");
    }),
  );
});

test.each([
  "Incorrect API key provided: sk-proj-abcdef123456*****7890",
  "x-api-key: abcdefgh12345678 was refused",
  '{"headers":{"x-goog-api-key":"abcdefgh12345678"}}',
  "Authorization: Basic dXNlcjphYmNkZWZnaDEyMzQ1Njc4",
  "could not fetch http://user:abcdefgh12345678@host/path",
])("credentials of a known form are removed although they are not ours: %s", (text) => {
  expect(redactSecrets(text, [])).not.toMatch(/abcdefgh12345678|abcdef123456|dXNlcjphYmNk/);
});

test("a short word that serves as a key stays, since it may be an innocent part of the text", () => {
  expect(redactSecrets("ollama is not ready", ["ollama"])).toBe("ollama is not ready");
});

test("a secret that the end of the text cuts is removed in every form, up to a short word", () => {
  for (const form of [SECRET, encodeURIComponent(SECRET), Buffer.from(SECRET).toString("base64")]) {
    for (let length = 8; length < form.length; length += 1) {
      const redacted = redactSecrets(`said ${form.slice(0, length)}`, [SECRET]);
      expect(redacted).toMatch(/^said (\[key\]).{0,3}$/);
    }
  }
});

test("4 kB that look like keys all over take no time", () => {
  const from = performance.now();
  for (const text of ["sk-".repeat(1400), "Bearer ".repeat(600), "://a".repeat(1000), "x-api-key: ".repeat(400)]) {
    redactSecrets(text, [SECRET]);
  }
  expect(performance.now() - from).toBeLessThan(1000);
});
