import { SignJWT } from "jose";
import { describe, expect, test } from "vitest";
import { API_KEY_CACHE_TTL_MS } from "./limits.ts";
import { apiKeyHash, newApiKey } from "./api-key.ts";
import { createAuthenticate } from "./authenticate.ts";
import { signBrowserToken, type TokenSecrets, tokenSecrets } from "./browser-token.ts";
import type { Revocable } from "./revocations.ts";
import { asTenantId } from "../core/tenant-id.ts";
import { settled } from "../../test/support/fakes.ts";

const tenantId = asTenantId("01890a5d-ac96-774b-bcce-b302099a8057");
const runId = "01890a5d-ac96-774b-bcce-b302099a8058";
const keyId = "01890a5d-ac96-774b-bcce-b302099a8059";
const secretOf = (letter: string): Uint8Array => new TextEncoder().encode(letter.repeat(32));
const secrets = tokenSecrets(secretOf("s"));

function world(accepted: TokenSecrets = secrets) {
  const key = newApiKey();
  const keys = new Map([
    [
      apiKeyHash(key),
      {
        tenantId,
        keyId,
        name: "ci",
        scopes: ["runs:read"] as const,
        subject: null,
        groups: [],
        expiresInMs: null as number | null,
      },
    ],
  ]);
  let now = Date.UTC(2026, 0, 1);
  let lookups = 0;
  let gate = Promise.resolve();
  let isRevoked = (_credential: Revocable): boolean => false;
  const used: string[] = [];
  const authenticate = createAuthenticate({
    fleet: {
      findApiKey: ({ keyHash }) => {
        lookups += 1;
        const found = keys.get(keyHash) ?? null;
        return gate.then(() => found);
      },
    },
    tokenSecrets: accepted,
    revocations: { isRevoked: (credential) => isRevoked(credential), watch: () => () => {} },
    keyUse: { note: (id) => void used.push(id) },
    clock: { now: () => now, monotonic: () => now },
  });
  return {
    key,
    authenticate,
    used,
    forget: () => keys.clear(),
    /** Holds answers back until the function that it returns is called. */
    hold: () => {
      const { promise, resolve } = Promise.withResolvers<void>();
      gate = promise;
      return resolve;
    },
    revokeWhere: (which: typeof isRevoked) => (isRevoked = which),
    expire: (ms: number) => {
      for (const owner of keys.values()) owner.expiresInMs = ms;
    },
    add: (text: string) =>
      keys.set(apiKeyHash(text), {
        tenantId,
        keyId: "n",
        name: "new",
        scopes: ["runs:read"],
        subject: null,
        groups: [],
        expiresInMs: null,
      }),
    pass: (ms: number) => (now += ms),
    now: () => now,
    lookups: () => lookups,
  };
}

const onRevoked: unknown = expect.any(Function);

describe("API keys", () => {
  test("a key is 256 random bits, and only its hash is looked up", async () => {
    const { key, authenticate } = world();
    expect(key).toMatch(/^hsafa_[\w-]{43}$/);
    expect(await authenticate(key)).toEqual({
      kind: "authenticated",
      principal: { kind: "api_key", tenantId, keyId, name: "ci", scopes: ["runs:read"], onRevoked },
    });
    expect(await authenticate(`${key}x`)).toMatchObject({ kind: "refused" });
  });

  test("a key that is revoked is refused at once, although it is remembered", async () => {
    const { key, authenticate, revokeWhere, used } = world();
    await authenticate(key);
    expect(used).toEqual([keyId]);
    revokeWhere((credential) => credential.keyHash === apiKeyHash(key) && credential.keyId === keyId);
    expect(await authenticate(key)).toMatchObject({ kind: "refused", code: "unauthenticated" });
    expect(used).toEqual([keyId]);
  });

  test("a key ends with its life, and what it opened knows when", async () => {
    const { key, authenticate, expire, forget, pass, now } = world();
    expire(5000);
    expect(await authenticate(key)).toMatchObject({ principal: { expiresAt: now() + 5000 } });
    const expiresAt = now() + 5000;
    pass(4999);
    expect(await authenticate(key)).toMatchObject({ principal: { expiresAt } });
    forget();
    pass(2);
    expect(await authenticate(key)).toMatchObject({ kind: "refused" });
  });

  test("a key that the store forgot is refused once it is not remembered any more", async () => {
    const { key, authenticate, forget, pass, lookups } = world();
    await authenticate(key);
    await authenticate(key);
    expect(lookups()).toBe(1);
    forget();
    pass(API_KEY_CACHE_TTL_MS + 1);
    expect(await authenticate(key)).toMatchObject({ kind: "refused" });
  });

  test("those who show one key at the same time share its look-up, as a fleet does that comes back", async () => {
    const { key, authenticate, lookups, pass } = world();
    const fleet = () => Promise.all(Array.from({ length: 1000 }, () => authenticate(key, "10.0.0.1")));
    expect((await fleet()).every(({ kind }) => kind === "authenticated")).toBe(true);
    expect(lookups()).toBe(1);
    pass(API_KEY_CACHE_TTL_MS + 1);
    await fleet();
    expect(lookups()).toBe(2);
  });

  test("who waits for the look-up of another asks anew if that was in vain: the key may have been made since", async () => {
    const { authenticate, add, hold, lookups } = world();
    const fresh = newApiKey();
    const answer = hold();
    const early = authenticate(fresh);
    const late = authenticate(fresh);
    await settled();
    expect(lookups()).toBe(1);
    add(fresh);
    answer();
    expect(await early).toMatchObject({ kind: "refused", code: "unauthenticated" });
    expect(await late).toMatchObject({ kind: "authenticated" });
    expect(lookups()).toBe(2);
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
  const token = (now: number, by = secrets) =>
    signBrowserToken(by, {
      tenantId,
      keyId,
      name: "ci",
      subject: "alice",
      epoch: 7,
      scopes: ["runs:read"],
      agents: undefined,
      versions: false,
      runId,
      threadId: undefined,
      deviceKey: undefined,
      labels: undefined,
      tools: undefined,
      groups: undefined,
      issuedAt: now,
      expiresAt: now + 60_000,
    });

  test("a token says who it is for and what it names, until it is worn out", async () => {
    const { authenticate, now, pass } = world();
    const text = await token(now());
    expect(await authenticate(text)).toEqual({
      kind: "authenticated",
      principal: {
        kind: "token",
        tenantId,
        keyId,
        name: "ci",
        subject: "alice",
        scopes: ["runs:read"],
        runId,
        expiresAt: now() + 60_000,
        onRevoked,
      },
    });
    pass(60_001);
    expect(await authenticate(text)).toEqual({
      kind: "refused",
      code: "unauthenticated",
      detail: "The token has expired; ask for a new one.",
    });
  });

  test("a token is revoked by its key, its subject or its epoch", async () => {
    const { authenticate, now, revokeWhere } = world();
    const text = await token(now());
    revokeWhere(({ keyId: maker, subject, epoch }) => maker === keyId && subject === "alice" && epoch === 7);
    expect(await authenticate(text)).toMatchObject({ kind: "refused", code: "unauthenticated" });
  });

  test("a rotated secret signs, and the former one is taken until it is left out", async () => {
    const rotated = tokenSecrets(secretOf("n"), [secretOf("s")]);
    const { authenticate, now } = world(rotated);
    expect(await authenticate(await token(now()))).toMatchObject({ kind: "authenticated" });
    const fresh = await token(now(), rotated);
    expect(await authenticate(fresh)).toMatchObject({ kind: "authenticated" });
    expect(await world(tokenSecrets(secretOf("n"))).authenticate(fresh)).toMatchObject({ kind: "authenticated" });
    expect(await world(tokenSecrets(secretOf("n"))).authenticate(await token(now()))).toMatchObject({
      kind: "refused",
    });
  });

  test("a token names its secret, its audience and its maker, or is refused", async () => {
    const { authenticate, now } = world();
    const [{ id, secret }] = secrets;
    const claims = { tenant: tenantId, key: keyId, name: "ci", epoch: 0, scopes: ["admin"] };
    const sign = (header: object, body: object, audience: string): Promise<string> =>
      new SignJWT({ ...body })
        .setProtectedHeader({ alg: "HS256", ...header })
        .setIssuer("hsafa")
        .setAudience(audience)
        .setExpirationTime(Math.floor(now() / 1000) + 60)
        .sign(secret);
    expect(await authenticate(await sign({ kid: id }, claims, "hsafa"))).toMatchObject({ kind: "authenticated" });
    for (const forged of [
      await sign({}, claims, "hsafa"),
      await sign({ kid: "another" }, claims, "hsafa"),
      await sign({ kid: id, alg: "HS512" }, claims, "hsafa"),
      await sign({ kid: id }, claims, "another service"),
      await sign({ kid: id }, { ...claims, key: undefined }, "hsafa"),
      await sign({ kid: id }, { ...claims, epoch: undefined }, "hsafa"),
    ]) {
      expect(await authenticate(forged)).toMatchObject({ kind: "refused", code: "unauthenticated" });
    }
  });

  test("a token of another secret, of no algorithm, or with its claims changed is refused", async () => {
    const { authenticate, now } = world();
    expect(await authenticate(await token(now(), tokenSecrets(secretOf("z"))))).toMatchObject({
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
