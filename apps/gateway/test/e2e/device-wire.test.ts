import { randomUUID } from "node:crypto";
import { type AgentConfigInput, CLOSE_CODES, type Device, type DeviceDetail, type RunEvent } from "@hsafa/protocol";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { WebSocket } from "ws";
import { callingAgent, ofType } from "../support/device-agent.ts";
import { expectProblem } from "../support/expect-problem.ts";
import { RawDevice } from "../support/raw-device.ts";
import { startTestGateway, type TestGateway } from "../support/test-gateway.ts";

/** A real gateway, and devices that do exactly what each test says, right or wrong. */
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

function dial(): RawDevice {
  const device = new RawDevice(`${gateway.url.replace("http", "ws")}/devices/connect`);
  devices.push(device);
  return device;
}

function connect(deviceKey: string, more: Record<string, unknown> = {}): Promise<RawDevice> {
  return dial().register({ token: gateway.apiKey, deviceKey, tools: [READ], ...more });
}

function unique(name: string): string {
  return `${name}-${randomUUID()}`;
}

type Tools = Partial<NonNullable<AgentConfigInput["tools"]>[number]>;

/** Starts a run that asks for `count` calls of `read`, one by default. */
async function startCalling(tool: Tools, more: { count?: number; deviceKey?: string } = {}): Promise<string> {
  const { count = 1, ...body } = more;
  const name = unique("agent");
  await gateway.pushAgent(
    callingAgent(
      name,
      Array.from({ length: count }, () => ({ tool: "read" })),
      [tool],
    ),
  );
  return (await gateway.startRun({ agent: name, input: "read", ...body })).runId;
}

/** Waits for the first fact of this type. */
function untilFact<T extends RunEvent["type"]>(runId: string, type: T): Promise<Extract<RunEvent, { type: T }>> {
  return vi.waitUntil(async () => ofType(await gateway.events(runId), type)[0], { timeout: 15_000 });
}

describe("a call and the boot it was sent to", () => {
  test("the same boot gets its call again after a reconnect, under the same attempt", async () => {
    const key = unique("laptop");
    const runId = await startCalling({ device: { key } });
    const first = await connect(key);
    const { callId } = await first.next("tool.call.request");
    first.socket.terminate();
    const second = await connect(key);
    expect(await second.next("tool.call.request")).toMatchObject({ callId, runId, attempt: 1, toolName: "read" });
    second.send({ type: "tool.result", callId, result: 1 });
    expect(await second.next("tool.result.ack")).toEqual({ type: "tool.result.ack", callId, duplicate: false });
    expect((await gateway.waitForEnd(runId)).output).toBe("Answers: 1");
  });

  test("a new boot does not get the call of the old one, whose outcome is unknown (R4)", async () => {
    const key = unique("laptop");
    const runId = await startCalling({ device: { key } });
    const first = await connect(key);
    const { callId } = await first.next("tool.call.request");
    first.socket.terminate();
    const reborn = await connect(key, { bootId: "boot-2" });
    expect((await untilFact(runId, "tool.failed")).data).toMatchObject({ callId, error: { code: "outcome_unknown" } });
    await gateway.waitForEnd(runId);
    expect(reborn.all("tool.call.request")).toEqual([]);
    // It comes too late: the model has been shown the unknown outcome.
    reborn.send({ type: "tool.result", callId, result: 1 });
    expect(await reborn.next("error")).toMatchObject({ code: "result_conflict", callId });
  });

  test("a repeatable call goes to the new boot as a second attempt", async () => {
    const key = unique("laptop");
    const runId = await startCalling({ device: { key }, repeatable: true });
    const first = await connect(key);
    const { callId } = await first.next("tool.call.request");
    first.socket.terminate();
    const reborn = await connect(key, { bootId: "boot-2" });
    expect(await reborn.next("tool.call.request")).toMatchObject({ callId, attempt: 2 });
    reborn.send({ type: "tool.result", callId, result: 2 });
    expect((await gateway.waitForEnd(runId)).output).toBe("Answers: 2");
    expect(ofType(await gateway.events(runId), "tool.dispatched").map(({ data }) => data.attempt)).toEqual([1, 2]);
  });

  test("a repeatable call for any device moves to another when the device that has it is gone", async () => {
    const room = unique("room");
    const runId = await startCalling({ device: { select: "any", labels: { room } }, repeatable: true });
    const gone = await connect(unique("one"), { labels: { room } });
    const { callId } = await gone.next("tool.call.request");
    const other = await connect(unique("two"), { labels: { room } });
    other.send({ type: "ping" });
    await other.next("pong");
    expect(other.all("tool.call.request")).toEqual([]);
    gone.socket.terminate();
    expect(await other.next("tool.call.request")).toMatchObject({ callId, attempt: 2 });
    other.send({ type: "tool.result", callId, result: "two" });
    expect((await gateway.waitForEnd(runId)).output).toBe("Answers: two");
  });

  test("a call that is not repeatable stays with the lost device, and ends as unknown at its deadline (R4)", async () => {
    const room = unique("room");
    const runId = await startCalling({ device: { select: "any", labels: { room } }, timeoutMs: 1500 });
    const gone = await connect(unique("one"), { labels: { room } });
    await gone.next("tool.call.request");
    gone.socket.terminate();
    const other = await connect(unique("two"), { labels: { room } });
    expect((await untilFact(runId, "tool.failed")).data.error.code).toBe("outcome_unknown");
    expect(other.all("tool.call.request")).toEqual([]);
  });
});

describe("which device is asked", () => {
  test("a call for any device goes to one that offers the tool and has the labels", async () => {
    const room = unique("room");
    const plain = await connect(unique("plain"));
    const elsewhere = await connect(unique("elsewhere"), { labels: { room: "cellar" } });
    const toolless = await connect(unique("toolless"), { labels: { room }, tools: [] });
    const fitting = await connect(unique("fitting"), { labels: { room, floor: "2" } });
    const runId = await startCalling({ device: { select: "any", labels: { room } } });
    const { callId } = await fitting.next("tool.call.request");
    fitting.send({ type: "tool.result", callId, result: 1 });
    await gateway.waitForEnd(runId);
    for (const device of [plain, elsewhere, toolless]) expect(device.all("tool.call.request")).toEqual([]);
  });

  test("of two devices that fit, exactly one gets each call", async () => {
    const room = unique("room");
    const both = await Promise.all([
      connect(unique("one"), { labels: { room } }),
      connect(unique("two"), { labels: { room } }),
    ]);
    const runId = await startCalling({ device: { select: "any", labels: { room } } }, { count: 8 });
    await expect.poll(() => both.flatMap((device) => device.all("tool.call.request")).length).toBe(8);
    for (const device of both) {
      for (const { callId } of device.all("tool.call.request")) device.send({ type: "tool.result", callId, result: 1 });
    }
    await gateway.waitForEnd(runId);
    const asked = both.flatMap((device) => device.all("tool.call.request").map(({ callId }) => callId));
    expect(new Set(asked).size).toBe(8);
    expect(asked).toHaveLength(8);
  });

  test("a call goes to the run's origin if its tool says so, and by default for a browser's tool", async () => {
    const key = unique("tab");
    const other = await connect(unique("other"), { platform: "browser" });
    const origin = await connect(key, { platform: "browser" });
    for (const tool of [{ device: { select: "origin" } }, { target: "browser" }] as const) {
      const runId = await startCalling(tool, { deviceKey: key });
      await expect.poll(() => origin.all("tool.call.request").some((request) => request.runId === runId)).toBe(true);
      const callId = origin.all("tool.call.request").find((request) => request.runId === runId)?.callId;
      origin.send({ type: "tool.result", callId, result: 1 });
      await gateway.waitForEnd(runId);
    }
    expect(other.all("tool.call.request")).toEqual([]);
  });

  test("a browser's tool in a run without an origin fails at once instead of driving somebody else's tab", async () => {
    const runId = await startCalling({ target: "browser" });
    await gateway.waitForEnd(runId);
    expect(ofType(await gateway.events(runId), "tool.failed")[0]?.data.error.code).toBe("no_device");
  });

  test("a device gets no more calls at once than it says it can take (R9)", async () => {
    const key = unique("laptop");
    const device = await connect(key, { maxInFlight: 2 });
    const runId = await startCalling({ device: { key } }, { count: 5 });
    await device.next("tool.call.request", 2);
    device.send({ type: "ping" });
    await device.next("pong");
    expect(device.all("tool.call.request")).toHaveLength(2);
    for (let count = 1; count <= 5; count += 1) {
      const { callId } = await device.next("tool.call.request", count);
      device.send({ type: "tool.result", callId, result: count });
    }
    expect((await gateway.waitForEnd(runId)).status).toBe("completed");
  });
});

describe("results", () => {
  test("an equal result is a duplicate, also after the run's end, and another one is refused (R7)", async () => {
    const key = unique("laptop");
    const device = await connect(key);
    const runId = await startCalling({ device: { key } });
    const { callId } = await device.next("tool.call.request");
    device.send({ type: "tool.result", callId, result: { a: 1, b: 2 } });
    await device.next("tool.result.ack");
    await gateway.waitForEnd(runId);
    device.send({ type: "tool.result", callId, result: { b: 2, a: 1 } });
    expect(await device.next("tool.result.ack", 2)).toEqual({ type: "tool.result.ack", callId, duplicate: true });
    device.send({ type: "tool.result", callId, result: { a: 1, b: 3 } });
    expect(await device.next("error")).toMatchObject({ code: "result_conflict", callId });
    expect(ofType(await gateway.events(runId), "tool.completed")).toHaveLength(1);
  });

  test("a result over HTTP settles the call: the device is told to stop, and its own result is refused (R7)", async () => {
    const key = unique("laptop");
    const device = await connect(key);
    const runId = await startCalling({ device: { key } });
    const { callId } = await device.next("tool.call.request");
    expect((await gateway.call("POST", `/api/runs/${runId}/tool-results`, { callId, result: "by hand" })).status).toBe(
      202,
    );
    expect(await device.next("tool.call.cancel")).toEqual({ type: "tool.call.cancel", callId });
    device.send({ type: "tool.result", callId, result: "late" });
    expect(await device.next("error")).toMatchObject({ code: "result_conflict", callId });
    expect((await gateway.waitForEnd(runId)).output).toBe("Answers: by hand");
    expect((await gateway.toolCalls(runId))[0]?.source).toBe("http");
  });

  test("only the device to which a call was sent may give its result", async () => {
    const key = unique("laptop");
    const device = await connect(key);
    const stranger = await connect(unique("stranger"));
    const runId = await startCalling({ device: { key } });
    const { callId } = await device.next("tool.call.request");
    stranger.send({ type: "tool.result", callId, result: "forged" });
    expect(await stranger.next("error")).toMatchObject({ code: "not_found", callId });
    stranger.send({ type: "tool.result", callId: "no id at all", result: 1 });
    expect(await stranger.next("error", 2)).toMatchObject({ code: "not_found" });
    device.send({ type: "tool.result", callId, result: "true" });
    expect((await gateway.waitForEnd(runId)).output).toBe("Answers: true");
  });

  test("a result after the deadline is refused, and the model is shown that the tool timed out (R7)", async () => {
    const key = unique("laptop");
    const device = await connect(key);
    const runId = await startCalling({ device: { key }, timeoutMs: 300 });
    const { callId, deadline } = await device.next("tool.call.request");
    expect(Date.parse(deadline ?? "")).toBeGreaterThan(0);
    const expired = { callId, toolName: "read", error: { code: "outcome_unknown" } };
    expect((await untilFact(runId, "tool.expired")).data).toMatchObject(expired);
    expect(await device.next("tool.call.cancel")).toMatchObject({ callId });
    device.send({ type: "tool.result", callId, result: "late" });
    expect(await device.next("error")).toMatchObject({ code: "result_conflict", callId });
    expect((await gateway.waitForEnd(runId)).status).toBe("completed");
  });

  test("the model and the API are told whether an expired call may have happened", async () => {
    const [slow, absent] = [unique("laptop"), unique("nobody")];
    const device = await connect(slow);
    const taken = await startCalling({ device: { key: slow }, timeoutMs: 500 });
    const untaken = await startCalling({ device: { key: absent }, timeoutMs: 500 });
    const outside = await startCalling({ target: "external", timeoutMs: 500 });
    const { callId } = await device.next("tool.call.request");
    device.send({ type: "tool.accepted", callId });
    for (const [runId, code, says] of [
      [taken, "outcome_unknown", "may or may not have taken effect"],
      [untaken, "not_executed", "was not executed"],
      [outside, "outcome_unknown", "may or may not have taken effect"],
    ] as const) {
      const run = await gateway.waitForEnd(runId);
      // The agent answers with what the model was told of its calls.
      expect(run.output).toContain(code);
      expect(run.output).toContain(says);
      expect((await gateway.toolCalls(runId))[0]).toMatchObject({ status: "expired", error: { code } });
    }
  });

  test("a device that took a call and died leaves its outcome unknown, repeatable or not", async () => {
    const runs = await Promise.all(
      [false, true].map(async (repeatable) => {
        const key = unique("laptop");
        const device = await connect(key);
        const runId = await startCalling({ device: { key }, timeoutMs: 1500, repeatable });
        const { callId } = await device.next("tool.call.request");
        device.send({ type: "tool.accepted", callId });
        await vi.waitUntil(async () => (await gateway.toolCalls(runId))[0]?.acceptedAt !== null);
        device.socket.terminate();
        return { runId, settlement: repeatable ? "tool.expired" : "tool.failed" } as const;
      }),
    );
    for (const { runId, settlement } of runs) {
      expect((await untilFact(runId, settlement)).data.error?.code).toBe("outcome_unknown");
      expect((await gateway.waitForEnd(runId)).output).toContain("may or may not have taken effect");
    }
  });

  test("a tool whose timeout fails the run does so without any device", async () => {
    const runId = await startCalling({ device: { key: unique("nobody") }, timeoutMs: 200, onTimeout: "fail-run" });
    expect(await gateway.waitForEnd(runId)).toMatchObject({ status: "failed", error: { code: "tool_timeout" } });
    expect(ofType(await gateway.events(runId), "tool.expired")).toHaveLength(1);
  });

  test("a run that is canceled cancels its calls on the device", async () => {
    const key = unique("laptop");
    const device = await connect(key);
    const runId = await startCalling({ device: { key } }, { count: 2 });
    await device.next("tool.call.request", 2);
    expect((await gateway.call("POST", `/api/runs/${runId}/cancel`, {})).status).toBe(202);
    await device.next("tool.call.cancel", 2);
    const canceled = new Set(device.all("tool.call.cancel").map(({ callId }) => callId));
    expect(canceled).toEqual(new Set(device.all("tool.call.request").map(({ callId }) => callId)));
    expect((await gateway.waitForEnd(runId)).status).toBe("canceled");
  });
});

test("a device is listed with its session, and the socket of one that is deleted is closed", async () => {
  const deviceKey = unique("tab");
  const about = { displayName: "A tab", platform: "browser", labels: { room: "1" } };
  const device = await connect(deviceKey, about);
  const { deviceId } = await device.next("device.registered");
  const listed = await gateway.call<{ data: Device[] }>("GET", "/api/devices");
  const tools = [{ ...READ, description: "" }];
  expect(listed.body.data.find(({ id }) => id === deviceId)).toMatchObject({ key: deviceKey, online: true, tools });
  const found = await gateway.call<DeviceDetail>("GET", `/api/devices/${deviceId}`);
  expect(found.body).toMatchObject({ ...about, online: true });
  expect(found.body.sessions).toMatchObject([{ bootId: "boot-1", disconnectedAt: null }]);
  expect(await gateway.call("DELETE", `/api/devices/${deviceId}`)).toMatchObject({ status: 204, body: null });
  expect((await device.closed()).code).toBe(CLOSE_CODES.replaced);
  expectProblem(await gateway.call("GET", `/api/devices/${deviceId}`), 404, "not_found");
});

describe("misbehaviour", () => {
  test("a second connection of a device replaces the first, and gets its call", async () => {
    const key = unique("laptop");
    const first = await connect(key);
    const runId = await startCalling({ device: { key } });
    const { callId } = await first.next("tool.call.request");
    const second = await connect(key);
    expect(await first.closed()).toMatchObject({ code: 4409 });
    expect(await second.next("tool.call.request")).toMatchObject({ callId });
    second.send({ type: "tool.result", callId, result: 1 });
    await gateway.waitForEnd(runId);
  });

  test("of many simultaneous connections of one device, one stays", async () => {
    const key = unique("laptop");
    const many = await Promise.all(Array.from({ length: 8 }, () => connect(key)));
    await expect.poll(() => many.filter(({ closedWith }) => closedWith === null).length).toBe(1);
    expect(many.filter(({ closedWith }) => closedWith?.code === 4409)).toHaveLength(7);
    const [alive] = many.filter(({ closedWith }) => closedWith === null);
    const runId = await startCalling({ device: { key } });
    const request = await alive?.next("tool.call.request");
    alive?.send({ type: "tool.result", callId: request?.callId, result: 1 });
    await gateway.waitForEnd(runId);
  });

  test("garbage is refused with its code, and other devices go on (R9)", async () => {
    const good = await connect(unique("good"));
    for (const garbage of ["", "{", "null", "[]", '{"type":"device.register"}', `{"a":${"[".repeat(20_000)}`]) {
      const device = await dial().open();
      device.send(garbage);
      expect(await device.closed()).toMatchObject({ code: 4400 });
    }
    for (const token of ["", "hsafa_no_such_key", "a.b.c"]) {
      const device = await dial().register({ token, deviceKey: unique("nobody") });
      expect(await device.closed()).toMatchObject({ code: 4401 });
    }
    const torn = await dial().register({ token: gateway.apiKey, deviceKey: unique("torn"), displayName: "\ud800" });
    expect(await torn.closed()).toMatchObject({ code: 4400 });
    const deep = `{"type":"tool.result","callId":"x","result":${"[".repeat(100_000)}${"]".repeat(100_000)}}`;
    for (const garbage of ["{", deep, '{"type":"tool.result","callId":"x"}']) good.send(garbage);
    await good.next("error", 3);
    good.send({ type: "ping" });
    await good.next("pong");
    expect((await gateway.call("GET", "/health")).status).toBe(200);
  });

  test("pages of other origins are refused", async () => {
    const socket = new WebSocket(`${gateway.url.replace("http", "ws")}/devices/connect`, "hsafa.device.v1", {
      origin: "https://evil.example",
    });
    const status = await new Promise((resolve) => {
      socket.on("unexpected-response", (_request, response) => resolve(response.statusCode));
      socket.on("error", () => {});
    });
    expect(status).toBe(403);
  });
});
