import { randomUUID } from "node:crypto";
import { type ApiKeyWithSecret, CLOSE_CODES } from "@hsafa/protocol";
import { createDevice } from "@hsafa/client";
import { createOperator } from "@hsafa/client/operator";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { WebSocket } from "ws";
import { PAIRING_TRIES_RATE } from "../../src/access/limits.ts";
import { type ApiGateway, startApiGateway } from "../support/api-gateway.ts";
import { callingAgent } from "../support/device-agent.ts";
import { expectProblem } from "../support/expect-problem.ts";
import { RawDevice } from "../support/raw-device.ts";
import { until } from "../support/until.ts";

let gateway: ApiGateway;
let enrolling: string;
beforeAll(async () => {
  gateway = await startApiGateway();
  enrolling = await newKey(["devices:enroll"], { name: "enrolling" });
});
afterAll(() => gateway.close());

const READ = { name: "read", inputSchema: { type: "object" } };

async function newKey(scopes: string[], more: object = {}): Promise<string> {
  const { body } = await gateway.call<ApiKeyWithSecret>("POST", "/api/keys", { name: "a key", scopes, ...more });
  return body.key;
}

async function connect(token: string, deviceKey: string): Promise<RawDevice> {
  const device = new RawDevice(`${gateway.url.replace("http", "ws")}/devices/connect`);
  onTestFinished(() => device.socket.terminate());
  return device.register({ token, deviceKey, tools: [READ] });
}

/** The code that the device was given. */
async function pairingOf(device: RawDevice): Promise<{ readonly code: string; readonly expiresAt: string }> {
  const { code, expiresAt } = await device.next("device.pairing");
  return { code: code ?? "", expiresAt: expiresAt ?? "" };
}

const unique = (name: string): string => `${name}-${randomUUID()}`;
const enter = (code: string, credential = gateway.apiKey) =>
  gateway.call("POST", "/api/devices/pairings", { code }, { credential });

async function callTo(deviceKey: string): Promise<void> {
  const name = unique("agent");
  await gateway.pushAgent(callingAgent(name, [{ tool: "read" }], [{ device: { key: deviceKey } }]));
  const { runId } = await gateway.startRun({ agent: name, input: "read" });
  await gateway.waitForRun(runId, ({ status }) => status === "waiting_tool");
}

test("a device that must be paired shows a code, and gets its call only after somebody has entered it", async () => {
  const deviceKey = unique("laptop");
  const device = await connect(enrolling, deviceKey);
  const { code, expiresAt } = await pairingOf(device);
  expect(code).toMatch(/^[B-Z]{4}-[B-Z]{4}$/);
  expect(Math.abs(Date.parse(expiresAt) - Date.now() - 300_000)).toBeLessThan(60_000);
  await callTo(deviceKey);
  // The answer to a ping comes after all that was due before it.
  device.send({ type: "ping" });
  await device.next("pong");
  expect(device.all("tool.call.request")).toEqual([]);
  const pairer = await newKey(["devices:pair"]);
  expect(await enter(code.toLowerCase().replace("-", " "), pairer)).toMatchObject({ status: 200, body: { deviceKey } });
  expect(await device.next("device.pairing", 2)).toMatchObject({ code: null });
  await device.next("tool.call.request");
  expectProblem(await enter(code), 404, "not_found");
  const again = await connect(enrolling, deviceKey);
  await again.next("tool.call.request");
  expect(again.all("device.pairing")).toEqual([]);
});

test("a device that was forgotten, and one that comes back without being paired, need another code", async () => {
  const deviceKey = unique("laptop");
  const first = await connect(enrolling, deviceKey);
  const second = await connect(enrolling, deviceKey);
  const [before, now] = [await pairingOf(first), await pairingOf(second)];
  expectProblem(await enter(before.code), 404, "not_found");
  const paired = await enter(now.code);
  expect(paired.status).toBe(200);
  await gateway.call("DELETE", `/api/devices/${String(paired.body.deviceId)}`);
  expect(await second.until(() => second.closedWith)).toMatchObject({ code: CLOSE_CODES.replaced });
  await (await connect(enrolling, deviceKey)).next("device.pairing");
});

test("a stranger pairs no device: of another tenant, another user, the device itself, or without the scope", async () => {
  const deviceKey = unique("hers");
  const hers = await gateway.createToken({ scopes: ["devices:enroll"], deviceKey, subject: "alice" });
  const { code } = await pairingOf(await connect(hers, deviceKey));
  const pairs = (subject?: string) => gateway.createToken({ scopes: ["devices:pair"], subject });
  const itself = await gateway.createToken({ scopes: ["devices:pair"], deviceKey, subject: "alice" });
  for (const credential of [gateway.foreignKey, await pairs("bob"), await pairs()]) {
    expectProblem(await enter(code, credential), 404, "not_found");
  }
  for (const credential of [itself, enrolling, await newKey(["devices:connect", "runs:write"])]) {
    expectProblem(await enter(code, credential), 403, "forbidden");
  }
  expect((await enter(code, await pairs("alice"))).status).toBe(200);
});

test("codes that are wrong soon have to wait, and a right one before that does not", async () => {
  const credential = await newKey(["devices:pair"], { name: "guesser" });
  const { code } = await pairingOf(await connect(enrolling, unique("laptop")));
  expect((await enter(code, credential)).status).toBe(200);
  for (let tries = 0; tries < PAIRING_TRIES_RATE.burst; tries += 1) {
    expectProblem(await enter(tries % 2 === 0 ? "ZZZZ-ZZZZ" : "no code", credential), 404, "not_found");
  }
  const slowed = await enter("ZZZZ-ZZZZ", credential);
  expectProblem(slowed, 429, "too_many_requests");
  expect(Number(slowed.headers.get("retry-after"))).toBeGreaterThan(0);
  expectProblem(await enter("ZZZZ-ZZZZ"), 404, "not_found");
});

test("a key that may connect needs no pairing, and the development key is one", async () => {
  const device = await connect(gateway.apiKey, unique("laptop"));
  device.send({ type: "ping" });
  await device.next("pong");
  expect(device.all("device.pairing")).toEqual([]);
});

test("the SDK tells the code and that it was entered, and the operator's calls enter it", async () => {
  const told: (string | null)[] = [];
  const device = createDevice({
    url: gateway.url,
    token: enrolling,
    deviceKey: unique("sdk"),
    tools: {},
    WebSocket,
    onPairing: (code) => told.push(code),
  });
  onTestFinished(() => device.close());
  await device.whenOnline();
  await until("it has a code", async () => told.length === 1);
  const operator = createOperator({ url: gateway.url, token: gateway.apiKey });
  expect(await operator.pairings.approve(told[0] ?? "")).toMatchObject({ deviceKey: device.deviceKey });
  await until("it is paired", async () => told.length === 2);
  expect(told[1]).toBeNull();
});
