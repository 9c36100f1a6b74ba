import type { CreatedToken, Page, Run, Tenant, TenantWithKey } from "@hsafa/protocol";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type ApiGateway, MISSING_ID, startApiGateway } from "../../support/api-gateway.ts";
import { expectProblem } from "../../support/expect-problem.ts";
import { until } from "../../support/until.ts";

let gateway: ApiGateway;
let made = 0;

beforeAll(async () => {
  gateway = await startApiGateway();
});

afterAll(() => gateway.close());

async function makeTenant(more: object = {}) {
  made += 1;
  const name = `acme ${made}`;
  const answer = await gateway.call<TenantWithKey>("POST", "/api/tenants", { name, ...more });
  expect(answer.status).toBe(201);
  const { key, ...tenant } = answer.body;
  const path = `/api/tenants/${encodeURIComponent(name)}`;
  const by = <Body = Record<string, unknown>>(method: string, to: string, body?: unknown) =>
    gateway.call<Body>(method, to, body, { credential: key.key });
  return { tenant, key, path, by };
}

test("a tenant has a first key, which is shown once and may do everything in it, and nothing elsewhere", async () => {
  const { tenant, key, path, by } = await makeTenant();
  expect(key).toMatchObject({ name: "admin", scopes: ["admin"], createdBy: "operator" });
  const config = { name: "echo", model: "demo/echo" };
  expect((await by("POST", "/api/agents", { name: "echo", config })).status).toBe(201);
  const { body: run } = await by<{ runId: string }>("POST", "/api/runs", { agent: "echo", input: "hi" });
  expect((await by<Page<Run>>("GET", "/api/runs")).body.data.map(({ id }) => id)).toEqual([run.runId]);
  expectProblem(await gateway.call("GET", `/api/runs/${run.runId}`), 404, "not_found");
  for (const shown of [path, `/api/tenants/${tenant.id}`]) {
    expect((await gateway.call("GET", shown)).body).toEqual(tenant);
  }
  const { body: list } = await gateway.call<Page<Tenant>>("GET", "/api/tenants?limit=1");
  expect(list.data).toEqual([tenant]);
  expect(JSON.stringify(list)).not.toContain(key.key);
});

test("the first key is what the operator says, and one that is lost is replaced", async () => {
  const { path, by } = await makeTenant({ key: { name: "reader", scopes: ["runs:read"] } });
  expectProblem(await by("POST", "/api/agents", { name: "a", config: {} }), 403, "forbidden");
  const more = await gateway.call<{ key: string }>("POST", `${path}/keys`, { name: "admin", scopes: ["admin"] });
  expect(more.status).toBe(201);
  expect((await gateway.call("GET", "/api/keys", undefined, { credential: more.body.key })).status).toBe(200);
});

test("a first key that nobody may have is refused, and no tenant is left behind", async () => {
  const key = { name: "too much", scopes: ["admin"], subject: "alice" };
  expectProblem(await gateway.call("POST", "/api/tenants", { name: "half", key }), 400, "invalid_request");
  expectProblem(await gateway.call("GET", "/api/tenants/half"), 404, "not_found");
});

test("a name that is taken, that is none, or that looks like an id is refused", async () => {
  const { tenant, path } = await makeTenant();
  expectProblem(await gateway.call("POST", "/api/tenants", { name: tenant.name }), 409, "name_taken");
  for (const name of ["", "a\u001b[2J", "a/b", MISSING_ID, "x".repeat(201)]) {
    expectProblem(await gateway.call("POST", "/api/tenants", { name }), 400, "invalid_request");
  }
  expect((await gateway.call("GET", path)).status).toBe(200);
  expectProblem(await gateway.call("GET", "/api/tenants/nobody"), 404, "not_found");
  expectProblem(await gateway.call("POST", `/api/tenants/${MISSING_ID}/disable`), 404, "not_found");
});

test("only the operator's key has to do with tenants: an admin of one learns nothing of another", async () => {
  const { path, by } = await makeTenant();
  const { path: others } = await makeTenant();
  const token = await gateway.createToken({ scopes: ["runs:read", "runs:write"] });
  const calls: [string, string, object?][] = [
    ["POST", "/api/tenants", { name: "mine" }],
    ["GET", "/api/tenants"],
    ...[path, others, "/api/tenants/nobody"].flatMap((which): [string, string, object?][] => [
      ["GET", which],
      ["POST", `${which}/keys`, { name: "k", scopes: ["admin"] }],
      ["POST", `${which}/disable`],
      ["POST", `${which}/enable`],
    ]),
  ];
  for (const [method, to, body] of calls) {
    expectProblem(await by(method, to, body), 403, "forbidden");
    expectProblem(await gateway.call(method, to, body, { credential: token }), 403, "forbidden");
  }
  expect((await by("GET", "/api/runs")).status).toBe(200);
});

test("a disabled tenant's keys and tokens are refused and its runs end; enabled, its keys work and its tokens do not", async () => {
  const { path, by } = await makeTenant();
  const ask = { name: "ask_person", target: "external", inputSchema: { type: "object" } };
  await by("POST", "/api/agents", { name: "ask", config: { name: "ask", model: "demo/tools", tools: [ask] } });
  const { body: run } = await by<{ runId: string }>("POST", "/api/runs", { agent: "ask", input: "please" });
  const statusOf = async () => (await by<Run>("GET", `/api/runs/${run.runId}`)).body.status;
  await until("the run waits", async () => (await statusOf()) === "waiting_tool");
  const token = (await by<CreatedToken>("POST", "/api/tokens", { scopes: ["runs:read"], runId: run.runId })).body.token;
  const asToken = () => gateway.call("GET", `/api/runs/${run.runId}`, undefined, { credential: token });
  expect((await asToken()).status).toBe(200);

  const disabled = await gateway.call<Tenant>("POST", `${path}/disable`);
  expect(disabled.body.disabledAt).not.toBeNull();
  await until("its key is refused", async () => (await by("GET", "/api/runs")).status === 401);
  expectProblem(await asToken(), 401, "unauthenticated");
  expect((await gateway.call<Tenant>("POST", `${path}/disable`)).body).toEqual(disabled.body);

  expect((await gateway.call<Tenant>("POST", `${path}/enable`)).body.disabledAt).toBeNull();
  await until("its key works again", async () => (await by("GET", "/api/runs")).status === 200);
  await until("its run has ended", async () => (await statusOf()) === "canceled");
  expectProblem(await asToken(), 401, "unauthenticated");
});

test("the operator's own tenant cannot be disabled", async () => {
  expectProblem(await gateway.call("POST", "/api/tenants/default/disable"), 403, "forbidden");
  expect((await gateway.call("GET", "/api/runs")).status).toBe(200);
});
