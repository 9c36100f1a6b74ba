import type { QuotaName, TenantQuotas } from "@hsafa/protocol";
import { afterAll, beforeAll, expect, test } from "vitest";
import { apiKeyHash, newApiKey } from "../../../src/access/api-key.ts";
import { expectProblem } from "../../support/expect-problem.ts";
import { RawDevice } from "../../support/raw-device.ts";
import { type Answer, startTestGateway, type TestGateway } from "../../support/test-gateway.ts";
import { until } from "../../support/until.ts";

let gateway: TestGateway;
let tenants = 0;
beforeAll(async () => {
  gateway = await startTestGateway();
});
afterAll(() => gateway.close());

/** A tenant of its own, with a key of every scope and these limits. Its agent parks each run on an external call. */
async function openTenant(limits: { readonly [Name in QuotaName]?: number } = {}) {
  tenants += 1;
  const tenant = `tenant ${tenants}`;
  const credential = newApiKey();
  const scopes = ["admin"] as const;
  await gateway.gateway.store.fleet.ensureApiKey({
    tenantName: tenant,
    name: "operator",
    keyHash: apiKeyHash(credential),
    scopes,
  });
  const call = <Body = Record<string, unknown>>(method: string, path: string, body?: unknown, headers = {}) =>
    gateway.call<Body>(method, path, body, { credential, headers });
  const tools = [{ name: "ask", inputSchema: {}, target: "external" }];
  const config = { name: "asker", model: "demo/script", tools };
  const push = (more: object = {}) => call("POST", "/api/agents", { name: "asker", config: { ...config, ...more } });
  await push();
  const set = (quotas: object) => gateway.call("PUT", "/api/quotas", { tenant, quotas });
  expect((await set(limits)).status).toBe(200);
  const start = (more: object = {}, headers = {}) =>
    call<{ runId: string }>("POST", "/api/runs", { agent: "asker", input: SCRIPT, ...more }, headers);
  const standings = async () => (await call<TenantQuotas>("GET", "/api/quotas")).body.quotas;
  return { tenant, credential, call, push, set, start, standings };
}

/** Its first step asks for one external call, its second one says something. */
const SCRIPT = `demo: ${JSON.stringify([[{ call: "ask", args: {} }], [{ say: "done" }]])}`;

function expectExceeded(answer: Answer, name: QuotaName, limit: number): void {
  const problem = expectProblem(answer, 429, "quota_exceeded");
  expect(problem.quota).toMatchObject({ name, limit });
  expect(problem.detail).toContain(`'${name}' is used up`);
  expect(problem.detail).toContain("an operator can raise the quota");
}

async function waitingRun({ start, call }: Awaited<ReturnType<typeof openTenant>>): Promise<string> {
  const { body, status } = await start();
  expect(status).toBe(202);
  const path = `/api/runs/${body.runId}`;
  await until("the run waits", async () => (await call(`GET`, path)).body["status"] === "waiting_tool");
  return body.runId;
}

test("runs that have not ended are counted, parked ones too, and one that ends makes room", async () => {
  const tenant = await openTenant({ activeRuns: 2 });
  const runId = await waitingRun(tenant);
  await waitingRun(tenant);
  expectExceeded(await tenant.start(), "activeRuns", 2);
  expect(await tenant.standings()).toMatchObject({ activeRuns: { used: 2, limit: 2 } });
  await tenant.call("POST", `/api/runs/${runId}/cancel`);
  await until("there is room", async () => (await tenant.start()).status === 202);
});

test("runs that have not begun are counted, and a start with a known idempotency key is still answered", async () => {
  const tenant = await openTenant({ queuedRuns: 2 });
  const key = { "idempotency-key": "once" };
  const on = { threadId: "one after the other" };
  const first = await tenant.start(on, key);
  for (let nth = 0; nth < 2; nth += 1) {
    await until("the queue has room", async () => (await tenant.standings()).queuedRuns.used < 2);
    expect((await tenant.start(on)).status).toBe(202);
  }
  await until("one waits and two are queued", async () => (await tenant.standings()).activeRuns.used === 1);
  expectExceeded(await tenant.start(on), "queuedRuns", 2);
  expect((await tenant.start(on, key)).body.runId).toBe(first.body.runId);
});

test("threads are counted, made by a call or by the key of a start; a known one takes no room", async () => {
  const { call, start, standings } = await openTenant({ threads: 2 });
  expect((await start({ threadId: "by start" })).status).toBe(202);
  expect((await call("POST", "/api/threads", { key: "by call" })).status).toBe(201);
  expectExceeded(await call("POST", "/api/threads", { key: "another" }), "threads", 2);
  expectExceeded(await call("POST", "/api/threads", {}), "threads", 2);
  expectExceeded(await start({ threadId: "one more" }), "threads", 2);
  expect((await call("POST", "/api/threads", { key: "by call" })).status).toBe(200);
  expect((await start({ threadId: "by start" })).status).toBe(202);
  expect((await start()).status).toBe(202);
  expect((await standings()).threads).toEqual({ used: 2, limit: 2 });
});

test("versions of agents are counted; one that is known is pushed again", async () => {
  const { push } = await openTenant({ agentVersions: 2 });
  expect((await push({ system: "two" })).status).toBe(201);
  expectExceeded(await push({ system: "three" }), "agentVersions", 2);
  expect((await push({ system: "two" })).status).toBe(200);
});

test("devices are counted, connected or not; a known one connects, and the refusal is not for good", async () => {
  const { credential, call, standings } = await openTenant({ devices: 2 });
  const url = `${gateway.url.replace("http", "ws")}/devices/connect`;
  const device = (deviceKey: string) => new RawDevice(url).register({ token: credential, deviceKey });
  const laptop = await device("laptop");
  const phone = await device("phone");
  phone.socket.terminate();
  const third = await device("tablet");
  expect(third.heard).toMatchObject([{ type: "error", code: "quota_exceeded" }]);
  expect(await third.closed()).toMatchObject({ code: 1012 });
  const again = await device("phone");
  expect(again.all("device.registered")).toHaveLength(1);
  const deviceId = laptop.all("device.registered")[0]?.deviceId ?? "";
  expect((await call("DELETE", `/api/devices/${deviceId}`)).status).toBe(204);
  expect((await device("tablet")).all("device.registered")).toHaveLength(1);
  expect((await standings()).devices).toEqual({ used: 2, limit: 2 });
  for (const { socket } of [laptop, again]) socket.terminate();
});

test("bytes are counted, and a tenant that has stored as many as it may starts and makes nothing more", async () => {
  const { start, call, push, standings, set } = await openTenant();
  const before = (await standings()).storedBytes.used;
  const { runId } = (await start({ input: `${"x".repeat(100_000)}\n${SCRIPT}` })).body;
  const { used } = (await standings()).storedBytes;
  expect(used - before).toBeGreaterThan(100_000);
  const message = { message: { role: "user", content: "more" } };
  const once = { "idempotency-key": "once" };
  const more = (headers = {}) => call("POST", `/api/runs/${runId}/messages`, message, headers);
  expect((await more(once)).status).toBe(202);
  await set({ storedBytes: used });
  expectExceeded(await start(), "storedBytes", used);
  expectExceeded(await call("POST", "/api/threads", {}), "storedBytes", used);
  expectExceeded(await push({ system: "more" }), "storedBytes", used);
  expectExceeded(await more(), "storedBytes", used);
  expect((await more(once)).status).toBe(202);
  await set({ storedBytes: null });
  expect((await start()).status).toBe(202);
});

test("when the tokens of the day are used up, starts are told until when, and the next step of a run fails", async () => {
  const tenant = await openTenant();
  const runId = await waitingRun(tenant);
  const { used } = (await tenant.standings()).tokensPerDay;
  expect(used).toBeGreaterThan(0);
  await tenant.set({ tokensPerDay: used });
  const refused = await tenant.start();
  expectExceeded(refused, "tokensPerDay", used);
  const untilMidnightS = (86_400_000 - (Date.now() % 86_400_000)) / 1000;
  expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
  expect(Math.abs(Number(refused.headers.get("retry-after")) - untilMidnightS)).toBeLessThan(60);
  const { body: calls } = await tenant.call<{ data: { id: string }[] }>("GET", `/api/runs/${runId}/tool-calls`);
  const result = { callId: calls.data[0]?.id, result: "yes" };
  expect((await tenant.call("POST", `/api/runs/${runId}/tool-results`, result)).status).toBeLessThan(300);
  const run = () => tenant.call<{ status: string; error: { code: string } | null }>("GET", `/api/runs/${runId}`);
  await until("the run has failed", async () => (await run()).body.status === "failed");
  expect((await run()).body.error).toMatchObject({ code: "quota_exceeded" });
});

test("a tenant's own key, whatever its scopes and its name, raises nothing and sees no other tenant", async () => {
  const { tenant, call, standings } = await openTenant({ devices: 3 });
  const other = await openTenant();
  const quotas = { devices: 1000 };
  expectProblem(await call("PUT", "/api/quotas", { quotas }), 403, "forbidden");
  expectProblem(await call("PUT", "/api/quotas", { tenant, quotas }), 403, "forbidden");
  expectProblem(await call("GET", `/api/quotas?tenant=${encodeURIComponent(other.tenant)}`), 403, "forbidden");
  expectProblem(await call("GET", "/api/quotas?tenant=nobody"), 403, "forbidden");
  expect((await standings()).devices).toEqual({ used: 0, limit: 3 });
});

test("the operator reads and sets what each tenant may have, and null goes back to the default", async () => {
  const { tenant, standings, set } = await openTenant({ devices: 3 });
  const query = `/api/quotas?tenant=${encodeURIComponent(tenant)}`;
  expect((await gateway.call<TenantQuotas>("GET", query)).body.quotas.devices).toEqual({ used: 0, limit: 3 });
  const back = await set({ devices: null });
  expect((back.body as unknown as TenantQuotas).quotas.devices.limit).toBeGreaterThan(3);
  expect((await standings()).devices.limit).toBeGreaterThan(3);
  expectProblem(await gateway.call("PUT", "/api/quotas", { tenant: "nobody", quotas: {} }), 404, "not_found");
  expectProblem(await gateway.call("PUT", "/api/quotas", { tenant, quotas: { devices: -1 } }), 400, "invalid_request");
  expectProblem(await gateway.call("PUT", "/api/quotas", { tenant, quotas: { device: 1 } }), 400, "invalid_request");
  expect((await gateway.call("GET", "/api/quotas")).status).toBe(200);
});
