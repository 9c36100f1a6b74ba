import { randomUUID } from "node:crypto";
import { CLOSE_CODES, type CreatedToken, type Device, type Page } from "@hsafa/protocol";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { callingAgent } from "../support/device-agent.ts";
import { expectProblem } from "../support/expect-problem.ts";
import { RawDevice } from "../support/raw-device.ts";
import { startTestGateway, type TestGateway } from "../support/test-gateway.ts";

/** Two users of one tenant, whose tokens one key makes: whose devices are whose, and whose calls they take. */
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

async function tokenOf(subject: string | undefined, body: Readonly<Record<string, unknown>> = {}): Promise<string> {
  const whole = { scopes: ["devices:connect", "runs:read"], ...(subject === undefined ? {} : { subject }), ...body };
  const made = await gateway.call<CreatedToken>("POST", "/api/tokens", whole);
  expect(made.status).toBe(201);
  return made.body.token;
}

async function connect(token: string, deviceKey: string, more: Record<string, unknown> = {}): Promise<RawDevice> {
  const device = new RawDevice(`${gateway.url.replace("http", "ws")}/devices/connect`);
  devices.push(device);
  await device.register({ token, deviceKey, tools: [READ], ...more });
  return device;
}

const connectAs = async (subject: string | undefined, deviceKey: string, more: Record<string, unknown> = {}) =>
  connect(await tokenOf(subject, { deviceKey, ...more }), deviceKey);

/** Starts a run whose one call goes to the device with this key, or by default to its origin. */
async function startCall(started: Readonly<Record<string, unknown>>, device: Readonly<Record<string, unknown>>) {
  const name = `agent-${randomUUID()}`;
  await gateway.pushAgent(callingAgent(name, [{ tool: "read" }], [{ device }]));
  const { runId } = await gateway.startRun({ agent: name, input: "secret words", ...started });
  await gateway.waitForRun(runId, ({ status }) => status === "waiting_tool");
  return runId;
}

describe("a device of alice's", () => {
  test("is not bob's to take over, also with a token of the same key that names it", async () => {
    const deviceKey = randomUUID();
    const hers = await connectAs("alice", deviceKey);
    const { deviceId } = await hers.next("device.registered");
    for (const subject of ["bob", undefined]) {
      const stranger = await connectAs(subject, deviceKey);
      expect((await stranger.closed()).code).toBe(CLOSE_CODES.notAuthenticated);
    }
    expect(hers.closedWith).toBeNull();
    const again = await connectAs("alice", deviceKey);
    expect((await again.next("device.registered")).deviceId).toBe(deviceId);
  });

  test("does not go on under a token of bob's, or under one that allows less than it has", async () => {
    const deviceKey = randomUUID();
    const pool = { scopes: ["devices:connect", "devices:pool"] };
    const { body: thread } = await gateway.call<{ id: string }>("POST", "/api/threads", {});
    const refusedTokens = [
      tokenOf("bob", { ...pool, deviceKey }),
      tokenOf("alice", { deviceKey }),
      tokenOf("alice", { ...pool, deviceKey, tools: ["write"] }),
      tokenOf("alice", { ...pool, deviceKey, threadId: thread.id }),
    ];
    for (const token of refusedTokens) {
      const device = await connectAs("alice", deviceKey, pool);
      await device.next("device.registered");
      device.send({ type: "auth.refresh", token: await tokenOf("alice", { ...pool, deviceKey }) });
      device.send({ type: "auth.refresh", token: await token });
      expect((await device.closed()).code).toBe(CLOSE_CODES.notAuthenticated);
    }
  });

  test("takes calls that are addressed to it from her runs and the operator's, and from nobody else's", async () => {
    const deviceKey = randomUUID();
    const hers = await connectAs("alice", deviceKey);
    const his = await startCall({ subject: "bob", deviceKey }, { select: "origin" });
    const named = await startCall({ subject: "bob" }, { key: deviceKey });
    const runs = [
      await startCall({ subject: "alice", deviceKey }, { select: "origin" }),
      await startCall({ deviceKey }, { select: "origin" }),
      await startCall({ subject: "alice" }, { key: deviceKey }),
    ];
    await hers.next("tool.call.request", runs.length);
    const asked = hers.all("tool.call.request").map(({ runId }) => runId);
    expect(asked.toSorted()).toEqual(runs.toSorted());
    for (const runId of [his, named, ...runs]) await gateway.call("POST", `/api/runs/${runId}/cancel`);
    for (const runId of [his, named, ...runs]) await gateway.waitForEnd(runId);
    const all = hers.all("tool.call.request").map(({ runId }) => runId);
    expect([his, named].filter((runId) => all.includes(runId))).toEqual([]);
  });

  test("is listed for her and for operators, and looks to bob like one that is not there", async () => {
    const deviceKey = randomUUID();
    const { deviceId } = await (await connectAs("alice", deviceKey)).next("device.registered");
    const read = async (credential: string, query = "") =>
      (await gateway.call<Page<Device>>("GET", `/api/devices${query}`, undefined, { credential })).body.data.map(
        ({ id }) => id,
      );
    const [alice, bob] = [await tokenOf("alice"), await tokenOf("bob")];
    expect(await read(alice)).toContain(deviceId);
    expect(await read(gateway.apiKey, "?subject=alice")).toContain(deviceId);
    expect(await read(bob)).not.toContain(deviceId);
    expect(await read(bob, "?subject=alice")).toEqual([]);
    const found = await gateway.call<Device>("GET", `/api/devices/${deviceId}`, undefined, { credential: alice });
    expect(found.body.subject).toBe("alice");
    const told = async (id: string): Promise<unknown> => {
      const answer = await gateway.call("GET", `/api/devices/${id}`, undefined, { credential: bob });
      const { requestId: _, ...rest } = expectProblem(answer, 404, "not_found");
      return rest;
    };
    expect(await told(deviceId)).toEqual(await told("01890a5d-ac96-774b-bcce-b302099a8057"));
  });
});

test("a device whose token names a thread takes no call of another thread, though it is addressed to it", async () => {
  const deviceKey = randomUUID();
  const { body: thread } = await gateway.call<{ id: string }>("POST", "/api/threads", {});
  const device = await connectAs(undefined, deviceKey, { threadId: thread.id });
  const elsewhere = await startCall({ deviceKey }, { select: "origin" });
  const inside = await startCall({ deviceKey, threadId: thread.id }, { select: "origin" });
  expect((await device.next("tool.call.request")).runId).toBe(inside);
  for (const runId of [elsewhere, inside]) await gateway.call("POST", `/api/runs/${runId}/cancel`);
  for (const runId of [elsewhere, inside]) await gateway.waitForEnd(runId);
  expect(device.all("tool.call.request").map(({ runId }) => runId)).not.toContain(elsewhere);
});
