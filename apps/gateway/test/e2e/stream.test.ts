import { Agent, get, type IncomingMessage } from "node:http";
import { connect, type Socket } from "node:net";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { AgentConfigInput } from "@hsafa/protocol";
import { createClient } from "@redis/client";
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { systemClock } from "../../src/adapters/system/system-clock.ts";
import { STREAM_HEARTBEAT_MS } from "../../src/edge/limits.ts";
import { type FreshDatabase, freshDatabase, missingServices, startPrivateRedis } from "../services/services.ts";
import { startCuttableProxy } from "../support/cuttable-proxy.ts";
import { openEventSource } from "../support/event-source-record.ts";
import { runKey } from "../../src/adapters/redis/run-key.ts";
import { ownTenantOf } from "../support/own-tenant-of.ts";
import { startTestGateway, type TestGateway } from "../support/test-gateway.ts";

/** Text, reasoning, two parallel tools, and more than 500 deltas. */
const talker: AgentConfigInput = {
  name: "talker",
  model: "demo/script",
  tools: [
    { name: "left", target: "external", inputSchema: { type: "object" } },
    { name: "right", target: "external", inputSchema: { type: "object" } },
  ],
  settings: {
    providerOptions: {
      demo: {
        script: [
          [
            { think: "Both sides should be asked. " },
            { repeat: 250, parts: [{ say: "so{{n}} ", everyMs: 1 }] },
            { call: "left", args: { side: "left" } },
            { call: "right", args: { side: "right" } },
          ],
          [{ think: "They have answered. " }, { repeat: 250, parts: [{ say: "and{{n}} ", everyMs: 1 }] }],
        ],
      },
    },
  },
};

/** Says words slowly enough that a test can cut the stream in between. */
const slowTalker: AgentConfigInput = {
  name: "slow-talker",
  model: "demo/script",
  settings: { providerOptions: { demo: { script: [[{ repeat: 120, parts: [{ say: "word{{n}} ", everyMs: 10 }] }]] } } },
};

/** Sixteen megabytes: four steps of two megabytes, each in deltas and again in the step's fact. */
const flood: AgentConfigInput = {
  name: "flood",
  model: "demo/script",
  maxSteps: 20,
  tools: [{ name: "on", inputSchema: { type: "object" }, server: { type: "function" } }],
  settings: {
    providerOptions: {
      demo: {
        script: [
          ...Array.from({ length: 4 }, () => [
            { repeat: 200, parts: [{ say: "x".repeat(10_000), chunk: 10_000 }] },
            { call: "on", args: {} },
          ]),
          [{ say: "done" }],
        ],
      },
    },
  },
};

/** Gives the results of the two calls of a `talker` over HTTP. */
async function answerTools(gateway: TestGateway, runId: string): Promise<void> {
  await gateway.waitForRun(runId, ({ status }) => status === "waiting_tool");
  for (const { id, toolName } of await gateway.toolCalls(runId)) {
    const answer = await gateway.call("POST", `/api/runs/${runId}/tool-results`, {
      callId: id,
      result: `${toolName} is fine`,
    });
    expect(answer.status).toBe(202);
  }
}

const idsOf = (events: readonly { readonly id: string }[]) => events.map(({ id }) => id);

interface RawStream {
  readonly response: IncomingMessage;
  readonly ids: string[];
  text: string;
  hasEnded: boolean;
}

async function openStream(
  gateway: TestGateway,
  path: string,
  { agent, ...headers }: { readonly agent?: Agent; readonly [name: string]: unknown } = {},
): Promise<RawStream> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const options = {
      agent,
      headers: { authorization: `Bearer ${gateway.apiKey}`, ...(headers as Record<string, string>) },
    };
    const request = get(gateway.url + path, options, resolve).on("error", reject);
    onTestFinished(() => void request.destroy());
  });
  const stream: RawStream = { response, ids: [], text: "", hasEnded: false };
  let line = "";
  response.setEncoding("utf8").on("data", (text: string) => {
    stream.text += text;
    const lines = (line + text).split("\n");
    line = lines.pop() ?? "";
    for (const whole of lines) if (whole.startsWith("id: ")) stream.ids.push(whole.slice(4));
  });
  response.on("end", () => (stream.hasEnded = true)).on("error", () => (stream.hasEnded = true));
  return stream;
}

const eventually = <T>(condition: () => T | Promise<T>) => vi.waitFor(condition, { timeout: 30_000, interval: 20 });

describe("a stream of an embedded gateway", () => {
  let gateway: TestGateway;
  beforeAll(async () => {
    gateway = await startTestGateway({ functions: { on: async () => "on" } });
    await gateway.pushAgent(slowTalker);
    await gateway.pushAgent(flood);
  });
  afterAll(() => gateway.close());

  test("the npm EventSource resumes after a cut without loss or double, and stops after the end (R8)", async () => {
    const proxy = await startCuttableProxy(gateway.url);
    onTestFinished(() => proxy.close());
    const { runId, streamUrl } = await gateway.startRun({ agent: "slow-talker", input: "go" });
    const { source, ids, stopped } = openEventSource(proxy.url + streamUrl, gateway.apiKey);
    onTestFinished(() => source.close());
    await eventually(() => expect(ids.length).toBeGreaterThan(20));
    proxy.cut();
    await stopped();
    expect(ids).toEqual(idsOf(await gateway.events(runId)));
    // One before the cut and one after it. A third may have got the 204.
    expect(proxy.connections()).toBeGreaterThanOrEqual(2);
  });

  test("the position in the header wins over the query's, which a browser sends again at a reconnect", async () => {
    const { runId, streamUrl } = await gateway.startRun({ agent: "slow-talker", input: "go" });
    await gateway.waitForEnd(runId);
    const whole = idsOf(await gateway.events(runId));
    const both = await openStream(gateway, `${streamUrl}?after=${whole[1]}`, { "last-event-id": whole[50] });
    const query = await openStream(gateway, `${streamUrl}?after=${whole[1]}`);
    await eventually(() => expect([both.hasEnded, query.hasEnded]).toEqual([true, true]));
    expect(both.ids).toEqual(whole.slice(51));
    expect(query.ids).toEqual(whole.slice(2));
    const last = await openStream(gateway, streamUrl, { "last-event-id": whole.at(-1) });
    expect(last.response.statusCode).toBe(204);
    const beyond = await gateway.call("GET", `${streamUrl}?after=9999-0`);
    expect([beyond.status, beyond.body]).toMatchObject([400, { code: "invalid_position" }]);
  });

  test("one connection serves stream after stream", async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    onTestFinished(() => agent.destroy());
    const { runId, streamUrl } = await gateway.startRun({ agent: "slow-talker", input: "go" });
    await gateway.waitForEnd(runId);
    const sockets = new Set<Socket>();
    for (let round = 0; round < 3; round++) {
      const stream = await openStream(gateway, streamUrl, { agent });
      await eventually(() => expect(stream.hasEnded).toBe(true));
      sockets.add(stream.response.socket);
    }
    expect(sockets.size).toBe(1);
  });

  test("a client that leaves a stream does not stop the run", async () => {
    const { runId, streamUrl } = await gateway.startRun({ agent: "slow-talker", input: "go" });
    const stream = await openStream(gateway, streamUrl);
    await eventually(() => expect(stream.ids.length).toBeGreaterThan(10));
    stream.response.destroy();
    expect((await gateway.waitForEnd(runId)).status).toBe("completed");
  });

  test("clients that stop reading an ended run of many megabytes hold a bounded amount (R9)", async () => {
    const { runId, streamUrl } = await gateway.startRun({ agent: "flood", input: "go" });
    await gateway.waitForEnd(runId);
    const before = bytesOutsideTheHeap();
    const clients = Array.from({ length: 30 }, () => stopReading(gateway, streamUrl));
    await eventually(() => expect(clients.filter(({ hasBegun }) => hasBegun())).toHaveLength(clients.length));
    // Each would get 16 MB, in events of up to 2 MB. The kernel's buffers are not counted.
    await staysBelow(before + 25 * 1024 * 1024);
    const reader = await gateway.watch(runId);
    expect(reader.at(-1)?.type).toBe("run.completed");
  });
});

test("a stream without events sends heartbeats", async () => {
  // Only the heartbeat's own delay is shortened.
  const clock = {
    ...systemClock,
    after: (delayMs: number, callback: () => void) =>
      systemClock.after(delayMs === STREAM_HEARTBEAT_MS ? 50 : delayMs, callback),
  };
  const gateway = await startTestGateway({ clock });
  onTestFinished(() => gateway.close());
  await gateway.pushAgent({
    name: "hangs",
    model: "demo/script",
    settings: { providerOptions: { demo: { script: [[{ hang: true }]] } } },
  });
  const { runId, streamUrl } = await gateway.startRun({ agent: "hangs", input: "go" });
  const stream = await openStream(gateway, streamUrl);
  await eventually(() => expect(stream.text.split(": still here\n\n").length).toBeGreaterThan(5));
  await gateway.call("POST", `/api/runs/${runId}/cancel`, {});
  await eventually(() => expect(stream.hasEnded).toBe(true));
});

test("a gateway that shuts down tells its streams when to come back", async () => {
  const gateway = await startTestGateway();
  await gateway.pushAgent(slowTalker);
  const { streamUrl } = await gateway.startRun({ agent: "slow-talker", input: "go" });
  const stream = await openStream(gateway, streamUrl);
  await eventually(() => expect(stream.ids.length).toBeGreaterThan(5));
  await gateway.close();
  await eventually(() => expect(stream.hasEnded).toBe(true));
  expect(stream.text).toContain("retry: 100\n");
});

describe.skipIf(await missingServices("postgres", "private-redis"))("many watchers on Postgres and Redis", () => {
  let database: FreshDatabase;
  // Its connections are counted, so nobody else may use it.
  let server: Awaited<ReturnType<typeof startPrivateRedis>>;
  let here: TestGateway;
  let redis: ReturnType<typeof createClient>;

  beforeAll(async () => {
    database = await freshDatabase();
    server = await startPrivateRedis();
    const services = { databaseUrl: database.url, redisUrl: server.url };
    here = await startTestGateway(services);
    redis = createClient({ url: services.redisUrl });
    await redis.connect();
    await here.pushAgent(talker);
  });
  afterAll(async () => {
    redis.destroy();
    await here.close();
    await server.remove();
    await database.drop();
  });

  test("500 watchers of one run on one gateway cost one subscription and no connection to Redis (R9)", async () => {
    const connectionsBefore = await connectionsOf(redis);
    const { runId } = await here.startRun({ agent: "talker", input: "go" });
    const agent = new Agent({ keepAlive: false });
    const streams = await Promise.all(
      Array.from({ length: 500 }, () => openStream(here, `/api/runs/${runId}/stream`, { agent })),
    );
    const channel = runKey({ tenantId: await ownTenantOf(here), runId, name: "notify" });
    await eventually(async () => expect((await redis.pubSubNumSub([channel]))[channel]).toBe(1));
    expect(await connectionsOf(redis)).toBe(connectionsBefore);
    await answerTools(here, runId);
    await eventually(() => expect(streams.every(({ hasEnded }) => hasEnded)).toBe(true));
    const whole = idsOf(await here.events(runId));
    for (const { ids } of streams) expect(ids).toEqual(whole);
    await eventually(async () => expect((await redis.pubSubNumSub([channel]))[channel]).toBe(0));
  });
});

describe.skipIf(await missingServices("postgres", "private-redis"))("streams while Redis dies", () => {
  test("watchers on every gateway are served from Postgres while Redis is dead (R8)", async () => {
    const database = await freshDatabase();
    onTestFinished(() => database.drop());
    const redis = await startPrivateRedis();
    onTestFinished(() => redis.remove());
    const services = { databaseUrl: database.url, redisUrl: redis.url };
    const here = await startTestGateway(services);
    onTestFinished(() => here.close());
    const there = await startTestGateway(services);
    onTestFinished(() => there.close());
    await here.pushAgent({
      ...slowTalker,
      settings: {
        providerOptions: { demo: { script: [[{ repeat: 400, parts: [{ say: "word{{n}} ", everyMs: 10 }] }]] } },
      },
    });
    const { runId } = await here.startRun({ agent: "slow-talker", input: "go" });
    const live = Promise.all([here.watch(runId), there.watch(runId)]);
    const early = await openStream(there, `/api/runs/${runId}/stream`);
    await eventually(() => expect(early.ids.length).toBeGreaterThan(20));
    await redis.stop("SIGKILL");
    const seen = early.ids.length;
    await eventually(() => expect(early.ids.length).toBeGreaterThan(seen + 100));
    expect(early.hasEnded).toBe(false);
    const [one, other] = await live;
    expect(one).toEqual(other);
    expect(await here.events(runId)).toEqual(one);
  });
});

describe.skipIf(await missingServices("postgres"))("streams of a gateway on Postgres", () => {
  test("clients that stop reading a running flood hold a bounded amount, and one that reads gets all of it (R9)", async () => {
    const database = await freshDatabase();
    onTestFinished(() => database.drop());
    const gateway = await startTestGateway({ databaseUrl: database.url, functions: { on: async () => "on" } });
    onTestFinished(() => gateway.close());
    await gateway.pushAgent(flood);
    const before = bytesOutsideTheHeap();
    const { runId, streamUrl } = await gateway.startRun({ agent: "flood", input: "go" });
    const clients = Array.from({ length: 30 }, () => stopReading(gateway, streamUrl));
    const whole = await gateway.watch(runId);
    expect(whole.at(-1)?.type).toBe("run.completed");
    expect(clients.filter(({ hasBegun }) => hasBegun())).toHaveLength(clients.length);
    await staysBelow(before + 25 * 1024 * 1024);
  });
});

/** Starts a client that opens a stream, takes its first bytes and reads no more. */
function stopReading(gateway: TestGateway, path: string): { hasBegun(): boolean } {
  const { hostname, port } = new URL(gateway.url);
  const socket = connect(Number(port), hostname);
  onTestFinished(() => void socket.destroy());
  let hasBegun = false;
  socket.on("error", () => {});
  socket.once("data", () => {
    socket.pause();
    hasBegun = true;
  });
  socket.write(`GET ${path} HTTP/1.1\r\nhost: ${hostname}\r\nauthorization: Bearer ${gateway.apiKey}\r\n\r\n`);
  return { hasBegun: () => hasBegun };
}

/** Returns the bytes outside of the heap, where buffers for sockets are, after a garbage collection. */
function bytesOutsideTheHeap(): number {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  collect();
  return process.memoryUsage().external;
}

/** Waits until the bytes outside of the heap are below `bytes` twice in a row. */
async function staysBelow(bytes: number): Promise<void> {
  await eventually(() => expect(bytesOutsideTheHeap()).toBeLessThan(bytes));
  expect(bytesOutsideTheHeap()).toBeLessThan(bytes);
}

async function connectionsOf(redis: ReturnType<typeof createClient>): Promise<number> {
  return (await redis.clientList()).length;
}
