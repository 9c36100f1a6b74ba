import { describe, expect, test } from "vitest";
import { API_KEY_CACHE_TTL_MS } from "./limits.ts";
import { apiKeyHash, newApiKey } from "./api-key.ts";
import { createAuthenticate } from "./authenticate.ts";
import { signBrowserToken } from "./browser-token.ts";

const tenantId = "01890a5d-ac96-774b-bcce-b302099a8057";
const runId = "01890a5d-ac96-774b-bcce-b302099a8058";
const secret = new TextEncoder().encode("s".repeat(32));

function world() {
  const key = newApiKey();
  const keys = new Map([[apiKeyHash(key), { tenantId, keyId: "k", name: "ci", scopes: ["runs:read"] as const }]]);
  let now = Date.UTC(2026, 0, 1);
  let lookups = 0;
  const authenticate = createAuthenticate({
    fleet: {
      findApiKey: ({ keyHash }) => {
        lookups += 1;
        return Promise.resolve(keys.get(keyHash) ?? null);
      },
    },
    tokenSecret: secret,
    clock: { now: () => now, monotonic: () => now },
  });
  return {
    key,
    authenticate,
    revoke: () => keys.clear(),
    add: (text: string) => keys.set(apiKeyHash(text), { tenantId, keyId: "n", name: "new", scopes: ["runs:read"] }),
    pass: (ms: number) => (now += ms),
    now: () => now,
    lookups: () => lookups,
  };
}

describe("API keys", () => {
  test("a key is 256 random bits, and only its hash is looked up", async () => {
    const { key, authenticate } = world();
    expect(key).toMatch(/^hsafa_[\w-]{43}$/);
    expect(await authenticate(key)).toEqual({
      kind: "authenticated",
      principal: { kind: "api_key", tenantId, name: "ci", scopes: ["runs:read"] },
    });
    expect(await authenticate(`${key}x`)).toMatchObject({ kind: "refused" });
  });

  test("a revoked key is refused once it is not remembered any more", async () => {
    const { key, authenticate, revoke, pass, lookups } = world();
    await authenticate(key);
    await authenticate(key);
    expect(lookups()).toBe(1);
    revoke();
    pass(API_KEY_CACHE_TTL_MS + 1);
    expect(await authenticate(key)).toMatchObject({ kind: "refused" });
  });

  test("a key that was refused before it was made works at once", async () => {
    const { authenticate, add } = world();
    const fresh = newApiKey();
    expect(await authenticate(fresh)).toMatchObject({ kind: "refused" });
    add(fresh);
    expect(await authenticate(fresh)).toMatchObject({ kind: "authenticated" });
  });
});

describe("tokens", () => {
  const token = (now: number, by = secret) =>
    signBrowserToken(by, {
      tenantId,
      name: "ci",
      scopes: ["runs:read"],
      runId,
      threadId: undefined,
      deviceKey: undefined,
      issuedAt: now,
      expiresAt: now + 60_000,
    });

  test("a token says who it is for and what it names, until it is worn out", async () => {
    const { authenticate, now, pass } = world();
    const text = await token(now());
    expect(await authenticate(text)).toEqual({
      kind: "authenticated",
      principal: { kind: "token", tenantId, name: "ci", scopes: ["runs:read"], runId, expiresAt: now() + 60_000 },
    });
    pass(60_001);
    expect(await authenticate(text)).toEqual({
      kind: "refused",
      code: "unauthenticated",
      detail: "The token has expired; ask for a new one.",
    });
  });

  test("a token of another secret, of no algorithm, or with its claims changed is refused", async () => {
    const { authenticate, now } = world();
    expect(await authenticate(await token(now(), new TextEncoder().encode("z".repeat(32))))).toMatchObject({
      kind: "refused",
    });
    const [head = "", claims = "", signature = ""] = (await token(now())).split(".");
    const none = Buffer.from('{"alg":"none"}').toString("base64url");
    expect(await authenticate(`${none}.${claims}.`)).toMatchObject({ kind: "refused" });
    const text = Buffer.from(claims, "base64url").toString().replace("runs:read", "admin");
    const changed = Buffer.from(text).toString("base64url");
    expect(await authenticate(`${head}.${changed}.${signature}`)).toMatchObject({ kind: "refused" });
  });
});
