import type { ApiKey, ApiKeyWithSecret, CreatedToken, Page } from "@hsafa/protocol";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type ApiGateway, MISSING_ID, startApiGateway } from "../../support/api-gateway.ts";
import { expectProblem } from "../../support/expect-problem.ts";
import { until } from "../../support/until.ts";

let gateway: ApiGateway;

beforeAll(async () => {
  gateway = await startApiGateway();
});

afterAll(() => gateway.close());

const make = (body: object) => gateway.call<ApiKeyWithSecret>("POST", "/api/keys", body);

test("a key is shown once, has its scopes and its life, and its last use is kept", async () => {
  const made = await make({ name: "CI of acme", scopes: ["runs:read", "runs:read"], expiresInSeconds: 3600 });
  expect(made.status).toBe(201);
  const { key, ...shown } = made.body;
  expect(key).toMatch(/^hsafa_/);
  expect(shown).toMatchObject({ name: "CI of acme", scopes: ["runs:read"], createdBy: "operator", lastUsedAt: null });
  const by = (method: string, path: string, body?: object) => gateway.call(method, path, body, { credential: key });
  expect((await by("GET", "/api/runs")).status).toBe(200);
  expectProblem(await by("POST", "/api/runs", { agent: "echo", input: "x" }), 403, "forbidden");
  expectProblem(await by("GET", "/api/keys"), 403, "forbidden");

  const list = async (): Promise<ApiKey | undefined> => {
    const { body } = await gateway.call<Page<ApiKey>>("GET", "/api/keys");
    expect(JSON.stringify(body)).not.toContain(key);
    return body.data.find(({ id }) => id === shown.id);
  };
  await until("its use is written", async () => (await list())?.lastUsedAt !== null);
  const token = await gateway.call<CreatedToken>(
    "POST",
    "/api/tokens",
    { scopes: ["runs:read"], expiresInSeconds: 86_400 },
    { credential: key },
  );
  // No token outlives its key.
  expect(Date.parse(token.body.expiresAt)).toBeLessThanOrEqual(Date.parse(shown.expiresAt ?? ""));
});

test.each<[string, object]>([
  ["no name", { scopes: ["runs:read"] }],
  ["a name with a control character", { name: "a\u001b[2J", scopes: ["runs:read"] }],
  ["no scope", { name: "a", scopes: [] }],
  ["a scope that is none", { name: "a", scopes: ["everything"] }],
  ["a life of no time", { name: "a", scopes: ["runs:read"], expiresInSeconds: 0 }],
])("%s is refused", async (_what, body) => {
  expectProblem(await make(body), 400, "invalid_request");
});

test("a token manages no keys and no tokens, and a stranger's key is missing", async () => {
  const { body: made } = await make({ name: "mine", scopes: ["runs:read"] });
  const token = await gateway.createToken({ scopes: ["admin", "runs:read", "runs:write"] });
  const calls: [string, string, object?][] = [
    ["POST", "/api/keys", { name: "more", scopes: ["admin"] }],
    ["GET", "/api/keys"],
    ["POST", `/api/keys/${made.id}/rotate`],
    ["DELETE", `/api/keys/${made.id}`],
    ["POST", "/api/tokens/revoke"],
  ];
  for (const [method, path, body] of calls) {
    expectProblem(await gateway.call(method, path, body, { credential: token }), 403, "forbidden");
  }
  for (const id of [made.id, MISSING_ID, "no-id"]) {
    const stranger = { credential: gateway.foreignKey };
    expectProblem(await gateway.call("POST", `/api/keys/${id}/rotate`, {}, stranger), 404, "not_found");
    expectProblem(await gateway.call("DELETE", `/api/keys/${id}`, undefined, stranger), 404, "not_found");
  }
  expect((await gateway.call("GET", "/api/runs", undefined, { credential: made.key })).status).toBe(200);
});

test("the operator's key is not rotated here, and a revocation that names two things is refused", async () => {
  const { body } = await gateway.call<Page<ApiKey>>("GET", "/api/keys?limit=200");
  const operator = body.data.find(({ name }) => name === "operator");
  expectProblem(await gateway.call("POST", `/api/keys/${operator?.id}/rotate`), 403, "forbidden");
  const both = { subject: "alice", deviceKey: "laptop" };
  expectProblem(await gateway.call("POST", "/api/tokens/revoke", both), 400, "invalid_request");
});
