import { randomUUID } from "node:crypto";
import { createClient, createDevice, type DeviceOptions, type DeviceTool } from "@hsafa/client";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { WebSocket } from "ws";
import { callingAgent, ofType } from "../support/device-agent.ts";
import { startTestGateway, type TestGateway } from "../support/test-gateway.ts";

/** Devices that run the client's own device runtime, against a real gateway. */
let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startTestGateway();
});
afterAll(() => gateway.close());

/** Sockets that a test can cut beneath the runtime. */
class CuttableSocket extends WebSocket {
  static readonly open = new Set<CuttableSocket>();
  constructor(url: string, protocols?: string) {
    super(url, protocols);
    CuttableSocket.open.add(this);
    this.on("close", () => CuttableSocket.open.delete(this));
  }
}

function connect(deviceKey: string, tools: Record<string, DeviceTool>, options: Partial<DeviceOptions> = {}) {
  const device = createDevice({ url: gateway.url, token: gateway.apiKey, deviceKey, tools, ...options });
  onTestFinished(() => device.close());
  return device;
}

function tool(execute: DeviceTool["execute"]): DeviceTool {
  return { description: "for tests", inputSchema: { type: "object" }, execute };
}

function unique(name: string): string {
  return `${name}-${randomUUID()}`;
}

describe("a device that runs the client", () => {
  test("a device that was offline gets its call when it connects, and the run continues", async () => {
    const key = unique("laptop");
    const name = unique("agent");
    await gateway.pushAgent(callingAgent(name, [{ tool: "read", args: { path: "notes.txt" } }], [{ device: { key } }]));
    const { runId } = await gateway.startRun({ agent: name, input: "read it" });
    await gateway.waitForRun(runId, ({ status }) => status === "waiting_tool");
    const seen: unknown[] = [];
    const device = connect(key, {
      read: tool((args) => {
        seen.push(args);
        return { text: "milk" };
      }),
    });
    const { deviceId } = await device.whenOnline();
    const run = await gateway.waitForEnd(runId);
    expect(run).toMatchObject({ status: "completed", output: 'Answers: {"text":"milk"}' });
    expect(seen).toEqual([{ path: "notes.txt" }]);
    const client = createClient({ url: gateway.url, token: gateway.apiKey });
    const [call] = (await client.runs.toolCalls(runId)).data;
    expect(call).toMatchObject({
      status: "completed",
      attempts: 1,
      deviceId,
      deviceKey: key,
      source: "device",
      result: { text: "milk" },
    });
    expect((await client.toolCalls.list({ deviceId })).data.map(({ id }) => id)).toEqual([call?.id]);
    expect(call?.sentAt).not.toBeNull();
    await expect.poll(async () => (await client.runs.toolCalls(runId)).data[0]?.acceptedAt).not.toBeNull();
    expect(await client.devices.get(deviceId)).toMatchObject({ key, online: true, tools: [{ name: "read" }] });
  });

  test("parallel calls of one step execute at the same time, and all their results reach the model", async () => {
    const key = unique("laptop");
    const name = unique("agent");
    const paths = ["a", "b", "c", "d"];
    await gateway.pushAgent(
      callingAgent(
        name,
        paths.map((path) => ({ tool: "read", args: { path } })),
        [{ device: { key } }],
      ),
    );
    let waiting = 0;
    const { promise, resolve } = Promise.withResolvers<void>();
    // No call returns before all have begun.
    const read = tool(async (args) => {
      waiting += 1;
      if (waiting === paths.length) resolve();
      await promise;
      return (args as { path: string }).path.toUpperCase();
    });
    connect(key, { read });
    const { runId } = await gateway.startRun({ agent: name, input: "read them" });
    const run = await gateway.waitForEnd(runId);
    expect(run.output).toBe("Answers: A\nB\nC\nD");
  });

  test("a result that was ready while the connection was away is sent later, and the call is not executed twice (R4)", async () => {
    const key = unique("laptop");
    const name = unique("agent");
    await gateway.pushAgent(callingAgent(name, [{ tool: "read" }], [{ device: { key } }]));
    let executed = 0;
    const read = tool(() => {
      executed += 1;
      for (const socket of CuttableSocket.open) socket.terminate();
      return executed;
    });
    connect(key, { read }, { WebSocket: CuttableSocket });
    const { runId } = await gateway.startRun({ agent: name, input: "read it" });
    expect(await gateway.waitForEnd(runId)).toMatchObject({ status: "completed", output: "Answers: 1" });
    expect(executed).toBe(1);
    expect(ofType(await gateway.events(runId), "tool.dispatched")).toHaveLength(1);
  });

  test("the model is shown the error that a tool throws", async () => {
    const key = unique("laptop");
    const name = unique("agent");
    await gateway.pushAgent(callingAgent(name, [{ tool: "read" }], [{ device: { key } }]));
    connect(key, {
      read: tool(() => {
        throw Object.assign(new Error("no such file"), { code: "ENOENT" });
      }),
    });
    const { runId } = await gateway.startRun({ agent: name, input: "read it" });
    await gateway.waitForEnd(runId);
    const [failed] = ofType(await gateway.events(runId), "tool.failed");
    expect(failed?.data).toMatchObject({ error: { code: "ENOENT", message: "no such file" }, source: "device" });
  });

  test("canceling the run aborts the tool on the device", async () => {
    const key = unique("laptop");
    const name = unique("agent");
    await gateway.pushAgent(callingAgent(name, [{ tool: "read" }], [{ device: { key } }]));
    const { promise: begun, resolve: begin } = Promise.withResolvers<AbortSignal>();
    const read = tool((_args, { signal }) => {
      begin(signal);
      return new Promise((resolve) => signal.addEventListener("abort", resolve));
    });
    connect(key, { read });
    const client = createClient({ url: gateway.url, token: gateway.apiKey });
    const { runId } = await client.runs.start({ agent: name, input: "read it" });
    const signal = await begun;
    await client.runs.cancel(runId, { reason: "enough" });
    expect(await client.runs.wait(runId)).toMatchObject({ status: "canceled" });
    await expect.poll(() => signal.aborted).toBe(true);
  });

  test("a device's progress reaches watchers beside the run's own events", async () => {
    const key = unique("laptop");
    const name = unique("agent");
    await gateway.pushAgent(callingAgent(name, [{ tool: "read" }], [{ device: { key } }]));
    const client = createClient({ url: gateway.url, token: gateway.apiKey });
    const { promise: watched, resolve: sawProgress } = Promise.withResolvers<void>();
    const read = tool(async (_args, { progress }) => {
      // Progress may be lost, so it is sent again until a watcher has it.
      const timer = setInterval(() => progress({ done: 0.5 }), 60);
      await watched;
      clearInterval(timer);
      return "done";
    });
    connect(key, { read });
    const { runId } = await client.runs.start({ agent: name, input: "read it" });
    const [call] = await (async () => {
      const calls: string[] = [];
      for await (const event of client.runs.stream(runId)) {
        if (event.type !== "tool.progress") continue;
        expect(event.data.data).toEqual({ done: 0.5 });
        calls.push(event.data.callId);
        sawProgress();
      }
      return calls;
    })();
    expect((await client.runs.toolCalls(runId)).data[0]?.id).toBe(call);
    expect((await client.runs.events(runId)).data.some(({ type }) => (type as string) === "tool.progress")).toBe(false);
  });

  test("the client's stream is the run's whole record", async () => {
    const client = createClient({ url: gateway.url, token: gateway.apiKey });
    await gateway.pushAgent({ name: "counting", model: "demo/count" });
    const { runId } = await client.runs.start({ agent: "counting", input: "30" });
    const streamed: string[] = [];
    for await (const event of client.runs.stream(runId)) if ("id" in event) streamed.push(event.id);
    expect(streamed).toEqual((await gateway.events(runId)).map(({ id }) => id));
    const resumed: string[] = [];
    const middle = streamed[10] ?? "";
    for await (const event of client.runs.stream(runId, { after: middle })) if ("id" in event) resumed.push(event.id);
    expect(resumed).toEqual(streamed.slice(11));
    for await (const event of client.runs.stream(runId, { after: streamed.at(-1) ?? "" }))
      expect(event).toBeUndefined();
  });

  test("a token made for one device key connects as that device only", async () => {
    const client = createClient({ url: gateway.url, token: gateway.apiKey });
    const key = unique("tab");
    const { token } = await client.tokens.create({ scopes: ["devices:connect", "devices:pool"], deviceKey: key });
    const own = connect(key, {}, { token });
    await own.whenOnline();
    const other = connect(unique("other"), {}, { token });
    expect(await other.stopped).toMatchObject({ kind: "not_authenticated" });
  });

  test("a device that an operator deletes stops", async () => {
    const client = createClient({ url: gateway.url, token: gateway.apiKey });
    const device = connect(unique("laptop"), {});
    const { deviceId } = await device.whenOnline();
    await client.devices.delete(deviceId);
    expect(await device.stopped).toMatchObject({ kind: "replaced" });
  });
});
