import { createClient, createDevice } from "@hsafa/client";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { callingAgent, ofType } from "../support/device-agent.ts";
import { RawDevice } from "../support/raw-device.ts";
import { type FreshDatabase, freshDatabase, missingServices, redisUrl } from "../services/services.ts";
import { startTestGateway, type TestGateway } from "../support/test-gateway.ts";

const missing = await missingServices("postgres", "redis");

/** Two gateways on one Postgres and one Redis: a device's calls reach it, whichever gateway it is connected to. */
describe.skipIf(missing)("devices of a fleet", () => {
  let database: FreshDatabase;
  let a: TestGateway;
  let b: TestGateway;
  const sockets: RawDevice[] = [];

  beforeAll(async () => {
    database = await freshDatabase();
    const services = { databaseUrl: database.url, redisUrl: await redisUrl() };
    a = await startTestGateway(services);
    b = await startTestGateway(services);
  });
  afterAll(async () => {
    for (const { socket } of sockets) socket.terminate();
    await Promise.all([a?.close(), b?.close()]);
    await database?.drop();
  });

  function connect(gateway: TestGateway, deviceKey: string, labels: Record<string, string> = {}): Promise<RawDevice> {
    const device = new RawDevice(`${gateway.url.replace("http", "ws")}/devices/connect`);
    sockets.push(device);
    return device.register({
      token: gateway.apiKey,
      deviceKey,
      labels,
      tools: [{ name: "read", inputSchema: {} }],
    });
  }

  test("a device on one gateway executes a call of a run started on another, and both show one record", async () => {
    const read = { inputSchema: {}, execute: () => "hi" };
    const device = createDevice({ url: b.url, token: b.apiKey, deviceKey: "on-b", tools: { read } });
    await device.whenOnline();
    await a.pushAgent(callingAgent("on-a", [{ tool: "read" }], [{ device: { key: "on-b" } }]));
    for (let round = 0; round < 5; round += 1) {
      const { runId } = await a.startRun({ agent: "on-a", input: `round ${round}` });
      const [watchedOnA, watchedOnB] = await Promise.all([a.watch(runId), b.watch(runId)]);
      expect(watchedOnA).toEqual(watchedOnB);
      expect(ofType(watchedOnA, "tool.completed")).toHaveLength(1);
      expect(await a.waitForEnd(runId)).toMatchObject({ status: "completed", output: "Answers: hi" });
    }
    device.close();
  });

  test("a device that moves to another gateway gets its call there, and the old connection is closed", async () => {
    await a.pushAgent(callingAgent("moving", [{ tool: "read" }], [{ device: { key: "mover" } }]));
    const onA = await connect(a, "mover");
    const { runId } = await a.startRun({ agent: "moving", input: "read" });
    const { callId } = await onA.next("tool.call.request");
    const onB = await connect(b, "mover");
    expect(await onA.closed()).toMatchObject({ code: 4409 });
    expect(await onB.next("tool.call.request")).toMatchObject({ callId, attempt: 1 });
    onB.send({ type: "tool.result", callId, result: 1 });
    await a.waitForEnd(runId);
    const client = createClient({ url: a.url, token: a.apiKey });
    const { deviceId } = await onB.next("device.registered");
    const detail = await client.devices.get(deviceId);
    expect(detail.online).toBe(true);
    expect(detail.sessions.map(({ reason }) => reason)).toEqual([null, "replaced"]);
  });

  test("of fitting devices on two gateways, exactly one gets each call", async () => {
    const calls = Array.from({ length: 20 }, () => ({ tool: "read" }));
    await a.pushAgent(callingAgent("many", calls, [{ device: { select: "any", labels: { fits: "yes" } } }]));
    const both = [await connect(a, "fits-a", { fits: "yes" }), await connect(b, "fits-b", { fits: "yes" })];
    const { runId } = await a.startRun({ agent: "many", input: "read" });
    const requests = (): string[] =>
      both.flatMap((device) => device.all("tool.call.request").map(({ callId }) => callId));
    const answered = new Set<string>();
    await expect
      .poll(
        () => {
          for (const device of both) {
            for (const { callId } of device.all("tool.call.request")) {
              if (answered.has(callId)) continue;
              answered.add(callId);
              device.send({ type: "tool.result", callId, result: 1 });
            }
          }
          return answered.size;
        },
        { timeout: 20_000 },
      )
      .toBe(20);
    expect((await a.waitForEnd(runId)).status).toBe("completed");
    expect(requests()).toHaveLength(20);
    for (const device of both) device.socket.close();
  });

  test("a gateway that shuts down closes its devices at once, and they get their calls on another", async () => {
    const leaving = await startTestGateway({ databaseUrl: database.url, redisUrl: await redisUrl() });
    await a.pushAgent(callingAgent("leaving", [{ tool: "read" }], [{ device: { key: "leaver" } }]));
    const before = await connect(leaving, "leaver");
    const { runId } = await a.startRun({ agent: "leaving", input: "read" });
    const { callId } = await before.next("tool.call.request");
    await leaving.close();
    expect(await before.closed()).toMatchObject({ code: 1012 });
    const after = await connect(b, "leaver");
    expect(await after.next("tool.call.request")).toMatchObject({ callId, attempt: 1 });
    after.send({ type: "tool.result", callId, result: 1 });
    expect((await a.waitForEnd(runId)).status).toBe("completed");
  });

  test("twelve calls at once for any device are spread over three, four each, whichever gateways they are on", async () => {
    const [tool, labels] = ["spread", { pool: "spread" }];
    const counts = [0, 0, 0];
    const { promise: allHeld, resolve: release } = Promise.withResolvers<void>();
    const devices = [a, b, b].map((gateway, index) =>
      createDevice({
        url: gateway.url,
        token: gateway.apiKey,
        deviceKey: `spread-${index}`,
        labels,
        tools: {
          [tool]: {
            inputSchema: {},
            async execute() {
              counts[index] = (counts[index] ?? 0) + 1;
              if (counts.reduce((sum, count) => sum + count, 0) === 12) release();
              await allHeld;
              return index;
            },
          },
        },
      }),
    );
    await Promise.all(devices.map((device) => device.whenOnline()));
    const calls = Array.from({ length: 12 }, () => ({ tool }));
    await a.pushAgent(callingAgent("spreader", calls, [{ name: tool, device: { select: "any", labels } }]));
    const { runId } = await a.startRun({ agent: "spreader", input: "spread them" });
    expect(await b.waitForEnd(runId)).toMatchObject({ status: "completed" });
    expect(counts).toEqual([4, 4, 4]);
    for (const device of devices) device.close();
  });

  test("a device that drains finishes its call, and the next one goes to another device", async () => {
    const [tool, labels] = ["drained", { pool: "drained" }];
    const executed: string[] = [];
    const gate = Promise.withResolvers<void>();
    const offer = (gateway: TestGateway, deviceKey: string, wait: Promise<void>) =>
      createDevice({
        url: gateway.url,
        token: gateway.apiKey,
        deviceKey,
        labels,
        tools: {
          [tool]: {
            inputSchema: {},
            async execute() {
              executed.push(deviceKey);
              await wait;
              return deviceKey;
            },
          },
        },
      });
    const leaving = offer(a, "leaving", gate.promise);
    await leaving.whenOnline();
    await a.pushAgent(callingAgent("drainer", [{ tool }], [{ name: tool, device: { select: "any", labels } }]));
    const first = await a.startRun({ agent: "drainer", input: "first" });
    await expect.poll(() => executed, { timeout: 20_000 }).toEqual(["leaving"]);
    const drained = leaving.drain();
    const second = await a.startRun({ agent: "drainer", input: "second" });
    // It has room, and nobody else is there: without the drain the call would come here.
    const staying = offer(b, "staying", Promise.resolve());
    expect(await a.waitForEnd(second.runId)).toMatchObject({ output: "Answers: staying" });
    expect(executed).toEqual(["leaving", "staying"]);
    gate.resolve();
    expect(await drained).toEqual({ kind: "closed" });
    expect(await a.waitForEnd(first.runId)).toMatchObject({ output: "Answers: leaving" });
    staying.close();
  });
});
