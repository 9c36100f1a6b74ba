import { randomUUID } from "node:crypto";
import { CLOSE_CODES, type CreatedToken } from "@hsafa/protocol";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { apiKeyHash, newApiKey } from "../../src/access/api-key.ts";
import { callingAgent } from "../support/device-agent.ts";
import { RawDevice } from "../support/raw-device.ts";
import { startTestGateway, type TestGateway } from "../support/test-gateway.ts";

/** What a device gets by what it says of itself, and what its credential must say for it. */
let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startTestGateway();
});
afterAll(() => gateway.close());

const devices: RawDevice[] = [];
afterEach(() => {
  for (const device of devices.splice(0)) device.socket.terminate();
});

const READ = { name: "read", inputSchema: { type: "object" } };

async function connect(token: string, deviceKey: string, more: Record<string, unknown> = {}): Promise<RawDevice> {
  const device = new RawDevice(`${gateway.url.replace("http", "ws")}/devices/connect`);
  devices.push(device);
  await device.register({ token, deviceKey, tools: [READ], ...more });
  return device;
}

async function tokenOf(body: Readonly<Record<string, unknown>>): Promise<string> {
  const made = await gateway.call<CreatedToken>("POST", "/api/tokens", body);
  expect(made.status).toBe(201);
  return made.body.token;
}

/** A key of the same tenant. */
async function keyOf(name: string): Promise<string> {
  const key = newApiKey();
  const params = { tenantName: "default", name, keyHash: apiKeyHash(key), scopes: ["devices:connect" as const] };
  await gateway.gateway.store.fleet.ensureApiKey(params);
  return key;
}

describe("nobody becomes a device that is not its own", () => {
  test.each(["nothing", "a run", "a thread"])("with a token that names %s", async (bound) => {
    await gateway.pushAgent({ name: "echo", model: "demo/echo" });
    const { runId } = await gateway.startRun({ agent: "echo", input: "x" });
    const { body: thread } = await gateway.call<{ id: string }>("POST", "/api/threads", {});
    const bounds = bound === "a run" ? { runId } : bound === "a thread" ? { threadId: thread.id } : {};
    const deviceKey = randomUUID();
    const owner = await connect(await tokenOf({ scopes: ["devices:connect"], deviceKey }), deviceKey);
    const stranger = await connect(await tokenOf({ scopes: ["devices:connect"], ...bounds }), deviceKey);
    expect((await stranger.closed()).code).toBe(CLOSE_CODES.notAuthenticated);
    expect(owner.closedWith).toBeNull();
  });

  test("with another key of the tenant, until the device is forgotten", async () => {
    const deviceKey = randomUUID();
    const [mine, other] = [await keyOf("mine"), await keyOf("other")];
    const owner = await connect(mine, deviceKey);
    const { deviceId } = await owner.next("device.registered");
    const stranger = await connect(other, deviceKey);
    expect((await stranger.closed()).code).toBe(CLOSE_CODES.notAuthenticated);
    expect(owner.closedWith).toBeNull();
    expect((await gateway.call("DELETE", `/api/devices/${deviceId}`)).status).toBe(204);
    expect((await (await connect(other, deviceKey)).next("device.registered")).deviceId).not.toBe(deviceId);
  });
});

describe("a call for any device", () => {
  /** Starts a run whose one call may go to any device with these labels. */
  async function startCall(labels: Readonly<Record<string, string>>): Promise<string> {
    const name = `agent-${randomUUID()}`;
    await gateway.pushAgent(callingAgent(name, [{ tool: "read" }], [{ device: { select: "any", labels } }]));
    const { runId } = await gateway.startRun({ agent: name, input: "alice's words" });
    await gateway.waitForRun(runId, ({ status }) => status === "waiting_tool");
    return runId;
  }

  test("is sent to no device whose token is not for the pool, whatever the device says of itself", async () => {
    const labels = { owner: randomUUID() };
    const deviceKey = randomUUID();
    const stranger = await connect(await tokenOf({ scopes: ["devices:connect"], deviceKey }), deviceKey, {
      labels,
      platform: "browser",
    });
    const runId = await startCall(labels);
    const pooledKey = randomUUID();
    const token = await tokenOf({ scopes: ["devices:connect", "devices:pool"], deviceKey: pooledKey, labels });
    const pooled = await connect(token, pooledKey, { labels });
    await pooled.next("tool.call.request");
    expect(stranger.all("tool.call.request")).toEqual([]);
    await gateway.call("POST", `/api/runs/${runId}/cancel`);
  });

  test.each([
    ["a label that its token does not name", { labels: { owner: "alice" } }, {}],
    ["another value of a label", { labels: { owner: "alice" } }, { labels: { owner: "mallory" } }],
    ["a tool that its token does not name", {}, { tools: ["write"] }],
  ])("is no reason to believe %s", async (_what, claims, named) => {
    const deviceKey = randomUUID();
    const token = await tokenOf({ scopes: ["devices:connect", "devices:pool"], deviceKey, ...named });
    const device = await connect(token, deviceKey, claims);
    expect((await device.closed()).code).toBe(CLOSE_CODES.notAuthenticated);
  });
});
