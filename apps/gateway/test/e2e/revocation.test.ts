import type { ApiKeyWithSecret, CreatedToken, TenantWithKey } from "@hsafa/protocol";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client } from "pg";
import { describe, expect, onTestFinished, test } from "vitest";
import { WebSocket } from "ws";
import { newApiKey } from "../../src/access/api-key.ts";
import { readSettings } from "../../src/config.ts";
import { startGateway } from "../../src/gateway.ts";
import { freshDatabase } from "../services/services.ts";
import { RawDevice } from "../support/raw-device.ts";
import { startTestGateway, type TestGateway } from "../support/test-gateway.ts";
import { startTwoGateways } from "../support/two-gateways.ts";
import { until } from "../support/until.ts";

/** What a revocation may take, everywhere. */
const REVOKED_WITHIN_MS = 1000;

/** Everything that a credential can hold open, and how it ended. */
interface Opened {
  readonly watch: { code: number | null; readonly errors: string[] };
  readonly device: RawDevice;
  readonly stream: { isOver: boolean };
  readonly hasEnded: () => boolean;
}

/** `forDevice`: a token that connects a device names it, and sees no run of others. */
async function openAll(
  gateway: TestGateway,
  credential: string,
  { runId, deviceKey, forDevice = credential }: { runId: string; deviceKey: string; forDevice?: string },
): Promise<Opened> {
  const address = gateway.url.replace("http", "ws");
  const socket = new WebSocket(`${address}/api/watch`);
  onTestFinished(() => socket.terminate());
  const watch: Opened["watch"] = { code: null, errors: [] };
  let subscribed = false;
  socket.on("open", () => {
    socket.send(JSON.stringify({ type: "auth", token: credential }));
    socket.send(JSON.stringify({ type: "subscribe", runId }));
  });
  socket.on("message", (data: Buffer) => {
    const message = JSON.parse(data.toString()) as { type: string; code?: string };
    if (message.type === "subscribed") subscribed = true;
    if (message.type === "error") watch.errors.push(message.code ?? "");
  });
  socket.on("close", (code) => (watch.code = code));
  const device = await new RawDevice(`${address}/devices/connect`).register({ token: forDevice, deviceKey });
  onTestFinished(() => device.socket.terminate());
  const stream = { isOver: false };
  const response = await fetch(`${gateway.url}/api/runs/${runId}/stream`, {
    headers: { authorization: `Bearer ${credential}` },
  });
  expect(response.status).toBe(200);
  void response.text().then(
    () => (stream.isOver = true),
    () => (stream.isOver = true),
  );
  await until("all is open", () => subscribed && device.all("device.registered").length === 1);
  const hasEnded = (): boolean => watch.code !== null && device.closedWith !== null && stream.isOver;
  return { watch, device, stream, hasEnded };
}

async function parkedRun(gateway: TestGateway, subject?: string): Promise<string> {
  const ask = { name: "ask_person", target: "external", inputSchema: { type: "object" } } as const;
  await gateway.pushAgent({ name: "external", model: "demo/tools", tools: [ask] });
  const { runId } = await gateway.startRun({ agent: "external", input: "please", ...(subject && { subject }) });
  await gateway.waitForRun(runId, ({ status }) => status === "waiting_tool");
  return runId;
}

async function makeKey(gateway: TestGateway): Promise<ApiKeyWithSecret> {
  const scopes = ["runs:read", "runs:write", "devices:connect"];
  const made = await gateway.call<ApiKeyWithSecret>("POST", "/api/keys", { name: "leaked", scopes });
  expect(made.status).toBe(201);
  return made.body;
}

async function makeToken(gateway: TestGateway, credential: string, more: object = {}): Promise<string> {
  const body = { scopes: "deviceKey" in more ? ["runs:read", "devices:connect"] : ["runs:read"], ...more };
  return (await gateway.call<CreatedToken>("POST", "/api/tokens", body, { credential })).body.token;
}

/** Waits until all of these have ended, and says how long it took from `since`. */
async function endedAfter(since: number, opened: readonly Opened[]): Promise<number> {
  await until("everything has ended", () => opened.every(({ hasEnded }) => hasEnded()));
  return performance.now() - since;
}

async function statusOf(gateway: TestGateway, credential: string): Promise<number> {
  return (await gateway.call("GET", "/api/runs", undefined, { credential })).status;
}

/** Revokes by one gateway what is open on all. */
async function revokeEverywhere(a: TestGateway, gateways: readonly TestGateway[]): Promise<number> {
  const runId = await parkedRun(a);
  const leaked = await makeKey(a);
  const kept = await makeKey(a);
  const token = await makeToken(a, leaked.key);
  const opened: Opened[] = [];
  const spared: Opened[] = [];
  for (const [index, gateway] of gateways.entries()) {
    opened.push(await openAll(gateway, leaked.key, { runId, deviceKey: `key-${index}` }));
    const deviceKey = `token-${index}`;
    const forDevice = await makeToken(a, leaked.key, { deviceKey });
    opened.push(await openAll(gateway, token, { runId, deviceKey, forDevice }));
    spared.push(await openAll(gateway, kept.key, { runId, deviceKey: `kept-${index}` }));
  }
  const since = performance.now();
  expect((await a.call("DELETE", `/api/keys/${leaked.id}`)).status).toBe(204);
  const tookMs = await endedAfter(since, opened);
  for (const { watch, device } of opened) {
    expect(watch).toEqual({ code: 4401, errors: ["unauthenticated"] });
    expect(device.closedWith?.code).toBe(4401);
  }
  for (const gateway of gateways) {
    expect(await statusOf(gateway, leaked.key)).toBe(401);
    expect(await statusOf(gateway, token)).toBe(401);
    expect(await statusOf(gateway, kept.key)).toBe(200);
  }
  for (const { hasEnded, watch, device, stream } of spared) {
    expect(hasEnded()).toBe(false);
    expect([watch.code, device.closedWith, stream.isOver]).toEqual([null, null, false]);
  }
  return tookMs;
}

describe("a revoked key takes everything with it within a second", () => {
  test("on the gateway that was asked and on others, of Postgres and Redis", async () => {
    const fleet = await startTwoGateways();
    onTestFinished(() => fleet.close());
    const tookMs = await revokeEverywhere(fleet.a, [fleet.a, fleet.b]);
    console.log(`a revocation reached two gateways in ${Math.round(tookMs)} ms`);
    expect(tookMs).toBeLessThan(REVOKED_WITHIN_MS);
  });

  test("on a gateway that runs alone", async () => {
    const gateway = await startTestGateway();
    onTestFinished(() => gateway.close());
    expect(await revokeEverywhere(gateway, [gateway])).toBeLessThan(REVOKED_WITHIN_MS);
  });

  test("where nobody rings: an operator revokes it by SQL", async () => {
    const database = await freshDatabase();
    const gateway = await startTestGateway({ databaseUrl: database.url });
    onTestFinished(async () => {
      await gateway.close();
      await database.drop();
    });
    const runId = await parkedRun(gateway);
    const leaked = await makeKey(gateway);
    const opened = await openAll(gateway, leaked.key, { runId, deviceKey: "laptop" });
    const operator = new Client(database.url);
    await operator.connect();
    await operator.query("update api_keys set revoked_at = now() where name = 'leaked'");
    const since = performance.now();
    const tookMs = await endedAfter(since, [opened]);
    await operator.end();
    console.log(`a revocation by SQL was found in ${Math.round(tookMs)} ms`);
    expect(tookMs).toBeLessThan(REVOKED_WITHIN_MS);
  });
});

test("a tenant that is disabled loses all that it has open on every gateway within a second, and no other does", async () => {
  const fleet = await startTwoGateways();
  onTestFinished(() => fleet.close());
  const { a, b } = fleet;
  const { body: tenant } = await a.call<TenantWithKey>("POST", "/api/tenants", { name: "acme" });
  const credential = tenant.key.key;
  const by = <Body>(method: string, path: string, body: object) => a.call<Body>(method, path, body, { credential });
  const ask = { name: "ask_person", target: "external", inputSchema: { type: "object" } };
  await by("POST", "/api/agents", { name: "ask", config: { name: "ask", model: "demo/tools", tools: [ask] } });
  const { runId } = (await by<{ runId: string }>("POST", "/api/runs", { agent: "ask", input: "please" })).body;
  const token = await makeToken(a, credential, { runId });
  const opened = [];
  for (const [index, gateway] of [a, b].entries()) {
    opened.push(await openAll(gateway, credential, { runId, deviceKey: `key-${index}` }));
    opened.push(await openAll(gateway, token, { runId, deviceKey: `token-${index}`, forDevice: credential }));
  }
  const spared = await openAll(b, b.apiKey, { runId: await parkedRun(b), deviceKey: "mine" });
  const since = performance.now();
  const disabling = b.call("POST", "/api/tenants/acme/disable");
  expect(await endedAfter(since, opened)).toBeLessThan(REVOKED_WITHIN_MS);
  expect((await disabling).status).toBe(200);
  for (const { watch, device } of opened) {
    expect([watch.code, device.closedWith?.code]).toEqual([4401, 4401]);
  }
  for (const gateway of [a, b]) {
    expect(await statusOf(gateway, credential)).toBe(401);
    expect(await statusOf(gateway, token)).toBe(401);
  }
  expect(spared.hasEnded()).toBe(false);
});

test("the tokens of one subject end, those of others and later ones do not", async () => {
  const fleet = await startTwoGateways();
  onTestFinished(() => fleet.close());
  const { a, b } = fleet;
  const runId = await parkedRun(a, "alice");
  const alice = await makeToken(a, a.apiKey, { subject: "alice" });
  const bob = await makeToken(a, a.apiKey, { subject: "bob", deviceKey: "bobs" });
  const forDevice = await makeToken(a, a.apiKey, { subject: "alice", deviceKey: "alices" });
  const opened = await openAll(b, alice, { runId, deviceKey: "alices", forDevice });
  const since = performance.now();
  expect((await a.call("POST", "/api/tokens/revoke", { subject: "alice" })).status).toBe(204);
  expect(await endedAfter(since, [opened])).toBeLessThan(REVOKED_WITHIN_MS);
  for (const gateway of [a, b]) {
    expect(await statusOf(gateway, alice)).toBe(401);
    // A token that is bound to a device sees no lists.
    expect(await statusOf(gateway, bob)).toBe(403);
  }
  const later = await makeToken(b, b.apiKey, { subject: "alice" });
  for (const gateway of [a, b]) expect(await statusOf(gateway, later)).toBe(200);

  expect((await a.call("POST", "/api/tokens/revoke", { deviceKey: "bobs" })).status).toBe(204);
  await until("bob's token has ended everywhere", async () => (await statusOf(b, bob)) === 401, REVOKED_WITHIN_MS);
  expect(await statusOf(b, later)).toBe(200);
  expect((await a.call("POST", "/api/tokens/revoke")).status).toBe(204);
  await until("all tokens have ended", async () => (await statusOf(b, later)) === 401, REVOKED_WITHIN_MS);
  expect(await statusOf(b, b.apiKey)).toBe(200);
});

test("a rotated key is taken by both secrets for the overlap, and what the former one opened ends with it", async () => {
  const gateway = await startTestGateway();
  onTestFinished(() => gateway.close());
  const runId = await parkedRun(gateway);
  const made = await makeKey(gateway);
  const opened = await openAll(gateway, made.key, { runId, deviceKey: "laptop" });
  const rotate = (overlapSeconds: number) =>
    gateway.call<ApiKeyWithSecret>("POST", `/api/keys/${made.id}/rotate`, { overlapSeconds });
  const { body: second } = await rotate(2);
  expect(second.id).toBe(made.id);
  for (const key of [made.key, second.key]) expect(await statusOf(gateway, key)).toBe(200);
  expect(opened.hasEnded()).toBe(false);
  await until("the overlap is over", async () => (await statusOf(gateway, made.key)) === 401);
  await until("what it opened has ended", () => opened.hasEnded(), REVOKED_WITHIN_MS);
  const { body: third } = await rotate(0);
  await until("no overlap", async () => (await statusOf(gateway, second.key)) === 401, REVOKED_WITHIN_MS);
  expect(await statusOf(gateway, third.key)).toBe(200);
});

describe("initial keys", () => {
  const JWT = "Zq8rT2mVx5Lw9Kd3Hs7Jb4Nc6Pf1Gy0A";

  test("another HSAFA_ADMIN_KEY ends the former one, which never comes back", async () => {
    const database = await freshDatabase();
    onTestFinished(() => database.drop());
    const [former, present] = [newApiKey(), newApiKey()];
    const start = (key: string) =>
      startTestGateway({ databaseUrl: database.url, env: { HSAFA_ADMIN_KEY: key, HSAFA_JWT_SECRET: JWT } });
    const first = await start(former);
    expect(await statusOf(first, former)).toBe(200);
    await first.close();
    const second = await start(present);
    expect(await statusOf(second, present)).toBe(200);
    expect(await statusOf(second, former)).toBe(401);
    await second.close();
    await expect(start(former)).rejects.toThrow(/HSAFA_ADMIN_KEY was revoked, or replaced/);
    const third = await start(present);
    expect(await statusOf(third, present)).toBe(200);
    await third.close();
  });

  test("a development key ends when its file is gone, when an operator gives one, and where others connect", async () => {
    const dataDir = mkdtempSync(join(tmpdir(), "hsafa-initial-"));
    onTestFinished(() => rmSync(dataDir, { recursive: true }));
    const start = (env: Record<string, string>) =>
      startGateway(readSettings({ PORT: "0", HSAFA_DATA_DIR: dataDir, ...env }), { logLevel: "silent", drainMs: 0 });
    const ask = async (url: string, key: string): Promise<number> =>
      (await fetch(`${url}/api/runs`, { headers: { authorization: `Bearer ${key}` } })).status;

    const first = await start({});
    const firstKey = first.apiKey ?? "";
    expect(await ask(first.url, firstKey)).toBe(200);
    await first.close();
    rmSync(join(dataDir, "key"));

    const second = await start({});
    const secondKey = second.apiKey ?? "";
    expect([await ask(second.url, firstKey), await ask(second.url, secondKey)]).toEqual([401, 200]);
    await second.close();

    await expect(start({ HOST: "0.0.0.0", HSAFA_JWT_SECRET: JWT })).rejects.toThrow(/HSAFA_ADMIN_KEY is required/);
    const operator = newApiKey();
    const third = await start({ HOST: "0.0.0.0", HSAFA_JWT_SECRET: JWT, HSAFA_ADMIN_KEY: operator });
    expect([await ask(third.url, secondKey), await ask(third.url, operator)]).toEqual([401, 200]);
    await third.close();

    // The key in the folder has ended, so another one is made.
    const fourth = await start({});
    expect(fourth.apiKey).not.toBe(secondKey);
    expect(await ask(fourth.url, fourth.apiKey ?? "")).toBe(200);
    await fourth.close();
  });
});
