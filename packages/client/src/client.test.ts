import { expect, test } from "vitest";
import { json, problem, startClient, startFakeGateway } from "../test/fake-gateway.ts";
import { createClient } from "./client.ts";
import { HsafaError } from "./error.ts";
import { createOperator } from "./operator.ts";

function failureOf(call: Promise<unknown>): Promise<unknown> {
  return call.then(
    () => expect.unreachable(),
    (error: unknown) => error,
  );
}

test("every call of the client goes to its path, with what it was given and nothing else", async () => {
  const { client, gateway } = await startClient(json(200, {}));
  const operator = createOperator({ url: gateway.url, token: "key" });
  await client.agents.push({ name: "a", config: {} });
  await client.agents.list({ limit: 2 });
  await client.agents.get("a b");
  await client.agents.versions("a", { cursor: "c" });
  await client.agents.version("a", "v");
  await client.agents.promote("a", "v");
  await client.runs.get("r");
  await client.runs.list({ status: "failed", agent: "a" });
  await client.runs.events("r", { after: "7-2", facts: true });
  await client.runs.events("r", { order: "desc", before: "7-2", limit: 9 });
  await client.runs.toolCalls("r");
  await client.runs.submitToolResult("r", { callId: "c", result: null });
  await client.runs.cancel("r", { reason: "enough" });
  await client.threads.create({ key: "k" });
  await client.threads.list({ subject: "alice", limit: 2, cursor: "c" });
  await client.threads.get("t");
  await client.threads.messages("t");
  await client.devices.list();
  await client.devices.get("d");
  await client.devices.delete("d");
  await client.toolCalls.list({ toolName: "read", deviceId: "d" });
  await client.tokens.create({ scopes: ["runs:read"] });
  await client.tokens.setCookie();
  await operator.quotas.get({ tenant: "a b" });
  await operator.quotas.set({ quotas: { devices: 5, threads: null } });
  await operator.keys.revokeTokens({ subject: "alice" });
  await operator.keys.create({ name: "ci", scopes: ["runs:read"] });
  await operator.keys.list({ limit: 2 });
  await operator.keys.rotate("k", { overlapSeconds: 0 });
  await operator.keys.revoke("k");
  await operator.tenants.create({ name: "acme" });
  await operator.tenants.list({ limit: 2 });
  await operator.tenants.get("a b");
  await operator.tenants.createKey("acme", { name: "admin", scopes: ["admin"] });
  await operator.tenants.disable("acme");
  await operator.tenants.enable("acme");
  await operator.pairings.approve("WDJB-MJHT");
  await operator.audit.list({ action: "run.cancel", since: "2026-11-29T00:00:00Z" });
  expect(gateway.requests.map(({ method, url, body }) => `${method} ${url} ${body}`.trim())).toEqual([
    'POST /api/agents {"name":"a","config":{}}',
    "GET /api/agents?limit=2",
    "GET /api/agents/a%20b",
    "GET /api/agents/a/versions?cursor=c",
    "GET /api/agents/a/versions/v",
    'POST /api/agents/a/promote {"versionId":"v"}',
    "GET /api/runs/r",
    "GET /api/runs?status=failed&agent=a",
    "GET /api/runs/r/events?after=7-2&facts=true",
    "GET /api/runs/r/events?order=desc&before=7-2&limit=9",
    "GET /api/runs/r/tool-calls",
    'POST /api/runs/r/tool-results {"callId":"c","result":null}',
    'POST /api/runs/r/cancel {"reason":"enough"}',
    'POST /api/threads {"key":"k"}',
    "GET /api/threads?subject=alice&limit=2&cursor=c",
    "GET /api/threads/t",
    "GET /api/threads/t/messages",
    "GET /api/devices",
    "GET /api/devices/d",
    "DELETE /api/devices/d",
    "GET /api/tool-calls?toolName=read&deviceId=d",
    'POST /api/tokens {"scopes":["runs:read"]}',
    "POST /api/tokens/cookie",
    "GET /api/quotas?tenant=a%20b",
    'PUT /api/quotas {"quotas":{"devices":5,"threads":null}}',
    'POST /api/tokens/revoke {"subject":"alice"}',
    'POST /api/keys {"name":"ci","scopes":["runs:read"]}',
    "GET /api/keys?limit=2",
    'POST /api/keys/k/rotate {"overlapSeconds":0}',
    "DELETE /api/keys/k",
    'POST /api/tenants {"name":"acme"}',
    "GET /api/tenants?limit=2",
    "GET /api/tenants/a%20b",
    'POST /api/tenants/acme/keys {"name":"admin","scopes":["admin"]}',
    "POST /api/tenants/acme/disable",
    "POST /api/tenants/acme/enable",
    'POST /api/devices/pairings {"code":"WDJB-MJHT"}',
    "GET /api/audit?action=run.cancel&since=2026-11-29T00%3A00%3A00Z",
  ]);
  expect(gateway.requests.every(({ headers }) => headers.authorization === "Bearer key")).toBe(true);
});

test("a problem document becomes an error with its code, its status and what to do", async () => {
  const { client } = await startClient(problem(429, "too_many_requests", { "retry-after": "30" }));
  const error = await failureOf(client.runs.get("r"));
  expect(error).toBeInstanceOf(HsafaError);
  expect(error).toMatchObject({
    code: "too_many_requests",
    status: 429,
    message: "because of too_many_requests",
    retryAfterMs: 30_000,
    isRetryable: true,
    problem: { code: "too_many_requests" },
  });
});

test("a response of something else than hsafa is named as such", async () => {
  const { client } = await startClient(
    (_request, response) => response.writeHead(404).end("<html>Bad Gateway</html>"),
    (_request, response) => response.writeHead(200).end("<html>Hello</html>"),
  );
  expect(await failureOf(client.runs.get("r"))).toMatchObject({
    code: "unexpected_response",
    status: 404,
    problem: null,
  });
  expect(await failureOf(client.runs.get("r"))).toMatchObject({ code: "unexpected_response", status: 200 });
});

test("a request without a response is a network error with its cause", async () => {
  const { client, gateway } = await startClient(json(200, {}));
  await gateway.close();
  const error = await failureOf(client.runs.get("r"));
  expect(error).toMatchObject({ code: "network_error", status: 0, isRetryable: true });
  expect((error as HsafaError).cause).toBeDefined();
});

test("a response that is cut in its body is a network error too, and not whatever fetch throws", async () => {
  const { client } = await startClient((_request, response) => {
    response.writeHead(200, { "content-type": "application/json" }).write('{"id":', () => response.destroy());
  });
  expect(await failureOf(client.runs.get("r"))).toMatchObject({ name: "HsafaError", code: "network_error" });
});

test("an aborted call rejects with the signal's reason", async () => {
  const { client } = await startClient(() => {});
  const controller = new AbortController();
  const reason = new Error("enough");
  const failure = failureOf(client.runs.get("r", { signal: controller.signal }));
  controller.abort(reason);
  expect(await failure).toBe(reason);
});

test("calls at the same time share one renewal of a token that was refused", async () => {
  let asked = 0;
  const gateway = await startFakeGateway((request, response, body) => {
    const handler =
      request.headers.authorization === "Bearer token-1" ? problem(401, "unauthenticated") : json(200, {});
    handler(request, response, body);
  });
  const client = createClient({ url: gateway.url, token: () => `token-${(asked += 1)}` });
  await Promise.all(["a", "b", "c"].map((runId) => client.runs.get(runId)));
  expect(asked).toBe(2);
});

test("a key that is refused is reported and not tried again", async () => {
  const { client, gateway } = await startClient(problem(401, "unauthenticated"));
  expect(await failureOf(client.runs.get("r"))).toMatchObject({ status: 401 });
  expect(gateway.requests).toHaveLength(1);
});
