import { createHmac } from "node:crypto";
import { type ApiKeyWithSecret, type CreatedToken, SCOPES } from "@hsafa/protocol";
import type { TestGateway } from "../../support/test-gateway.ts";
import { until } from "../../support/until.ts";

/** Credentials that are good for nothing, by the reason: the value of `Authorization`, or null for none. */
export type Strangers = Readonly<Record<StrangerKind, Readonly<Record<string, string | null>>>>;

export const STRANGER_KINDS = ["no key", "malformed", "expired", "revoked"] as const;
export type StrangerKind = (typeof STRANGER_KINDS)[number];

/** Of every test gateway. */
const JWT_SECRET = "a secret that every test gateway signs its tokens with";

/** Makes one credential of each kind that a gateway must refuse. The expired and revoked ones were good before. */
export async function makeStrangers(gateway: TestGateway): Promise<Strangers> {
  const makeKey = async (more: object = {}): Promise<ApiKeyWithSecret> =>
    (await gateway.call<ApiKeyWithSecret>("POST", "/api/keys", { name: "stranger", scopes: [...SCOPES], ...more }))
      .body;
  const makeToken = async (more: object = {}, credential = gateway.apiKey): Promise<string> => {
    const body = { scopes: [...SCOPES], agents: ["agent-mine"], versions: true, ...more };
    return (await gateway.call<CreatedToken>("POST", "/api/tokens", body, { credential })).body.token;
  };
  const statusOf = async (credential: string): Promise<number> =>
    (await gateway.call("GET", "/api/runs", undefined, { credential })).status;

  /** Makes one that is good at first, so that the gateway remembers it. On a busy machine it may end before. */
  const goodAtFirst = async (make: () => Promise<string>): Promise<string> => {
    for (;;) {
      const credential = await make();
      if ((await statusOf(credential)) === 200) return credential;
    }
  };
  const key = await makeKey();
  const revoked = {
    key: await goodAtFirst(() => Promise.resolve(key.key)),
    "token of a revoked key": await goodAtFirst(() => makeToken({}, key.key)),
    "token of a revoked subject": await goodAtFirst(() => makeToken({ subject: "ended" })),
  };
  const soon = { expiresInSeconds: 2 };
  const worn = {
    key: await goodAtFirst(async () => (await makeKey(soon)).key),
    token: await goodAtFirst(() => makeToken(soon)),
  };
  await gateway.call("DELETE", `/api/keys/${key.id}`);
  await gateway.call("POST", "/api/tokens/revoke", { subject: "ended" });
  for (const credential of [...Object.values(worn), ...Object.values(revoked)]) {
    await until("a credential has ended", async () => (await statusOf(credential)) === 401, 30_000);
  }
  return {
    "no key": { nothing: null, "an empty word": "Bearer", "an empty key": "Bearer " },
    malformed: { ...malformedKeys(gateway.apiKey), ...forgedTokens(await makeToken()) },
    expired: bearers(worn),
    revoked: bearers(revoked),
  };
}

const bearers = (credentials: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(credentials).map(([name, credential]) => [name, `Bearer ${credential}`]));

function malformedKeys(good: string): Record<string, string> {
  return {
    "another scheme": `Basic ${Buffer.from(`${good}:`).toString("base64")}`,
    "two keys": `Bearer ${good} ${good}`,
    "a key that was never made": "Bearer hsafa_nope",
    "a key without its last character": `Bearer ${good.slice(0, -1)}`,
    SQL: "Bearer ' or true --",
    "9,000 characters": `Bearer ${"x".repeat(9000)}`,
  };
}

/** Tokens that differ from a good one in one thing each. */
function forgedTokens(good: string): Record<string, string> {
  const [head = "", body = "", signature = ""] = good.split(".");
  const read = (part: string) => JSON.parse(Buffer.from(part, "base64url").toString()) as Record<string, unknown>;
  const write = (part: object): string => Buffer.from(JSON.stringify(part)).toString("base64url");
  const sign = (header: object, claims: object, secret = JWT_SECRET, hash = "sha256"): string => {
    const text = `${write(header)}.${write(claims)}`;
    return `${text}.${createHmac(hash, secret).update(text).digest("base64url")}`;
  };
  const [header, claims] = [read(head), read(body)];
  return bearers({
    "a token without algorithm": `${write({ ...header, alg: "none" })}.${body}.`,
    "a token without signature": `${head}.${body}.`,
    "a token of another algorithm": sign({ ...header, alg: "HS512" }, claims, JWT_SECRET, "sha512"),
    "a token of another secret": sign(header, claims, "another secret of forty characters or more"),
    "a token of an empty secret": sign(header, claims, ""),
    "a token of an unknown secret": sign({ ...header, kid: "unknown" }, claims),
    "a token with other claims": `${head}.${write({ ...claims, scopes: ["admin"] })}.${signature}`,
    "a token without end": sign(header, { ...claims, exp: undefined }),
    "a token of later": sign(header, { ...claims, nbf: Math.floor(Date.now() / 1000) + 3600 }),
    "a token of another maker": sign(header, { ...claims, iss: "other" }),
    "a token for another audience": sign(header, { ...claims, aud: "other" }),
    "a token of no tenant": sign(header, { ...claims, tenant: undefined }),
    "a token whose scope is no list": sign(header, { ...claims, scopes: "admin" }),
  });
}
