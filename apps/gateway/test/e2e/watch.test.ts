import type { RunEvent } from "@hsafa/protocol";
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { WebSocket } from "ws";
import { startTestGateway, type TestGateway } from "../support/test-gateway.ts";

type Heard =
  | RunEvent
  | {
      readonly type: "authenticated" | "subscribed" | "ended" | "error" | "thread.run";
      readonly runId?: string;
      readonly threadId?: string;
      readonly code?: string;
    };

interface Client {
  readonly heard: Heard[];
  readonly socket: WebSocket;
  say(message: object): void;
  /** Returns the events of one run that have a position. */
  eventsOf(runId: string): RunEvent[];
  hasEnded(runId: string): boolean;
  readonly closed: Promise<number>;
}

async function connect(gateway: TestGateway, headers: Record<string, string> = {}): Promise<Client> {
  const socket = new WebSocket(`${gateway.url.replace("http", "ws")}/api/watch`, { headers });
  onTestFinished(() => socket.terminate());
  const heard: Heard[] = [];
  socket.on("message", (data: Buffer) => heard.push(JSON.parse(data.toString()) as Heard));
  const closed = new Promise<number>((resolve) => socket.on("close", resolve));
  await new Promise((resolve, reject) => socket.once("open", resolve).once("error", reject));
  return {
    heard,
    socket,
    closed,
    say: (message) => socket.send(JSON.stringify(message)),
    eventsOf: (runId) => heard.filter((one): one is RunEvent => "id" in one && one.runId === runId),
    hasEnded: (runId) => heard.some((one) => one.type === "ended" && one.runId === runId),
  };
}

const eventually = <T>(condition: () => T) => vi.waitFor(condition, { timeout: 30_000, interval: 20 });

describe("several runs on one connection", () => {
  let gateway: TestGateway;
  beforeAll(async () => {
    gateway = await startTestGateway({ env: { HSAFA_ALLOWED_ORIGINS: "https://app.example" } });
    const script = [[{ think: "Let me see. " }, { repeat: 60, parts: [{ say: "word{{n}} ", everyMs: 10 }] }]];
    await gateway.pushAgent({
      name: "talker",
      model: "demo/script",
      settings: { providerOptions: { demo: { script } } },
    });
  });
  afterAll(() => gateway.close());

  test("each run on one socket has its whole record, and its end (R8)", async () => {
    const client = await connect(gateway);
    client.say({ type: "auth", token: gateway.apiKey });
    const runs = await Promise.all(
      Array.from({ length: 12 }, () => gateway.startRun({ agent: "talker", input: "go" })),
    );
    for (const { runId } of runs) client.say({ type: "subscribe", runId });
    await eventually(() => expect(runs.every(({ runId }) => client.hasEnded(runId))).toBe(true));
    for (const { runId } of runs) expect(client.eventsOf(runId)).toEqual(await gateway.events(runId));
    expect(client.heard.filter(({ type }) => type === "error")).toEqual([]);
  });

  test("after a cut, a new socket continues each run from its last event (R8)", async () => {
    const first = await connect(gateway);
    first.say({ type: "auth", token: gateway.apiKey });
    const runs = await Promise.all(Array.from({ length: 3 }, () => gateway.startRun({ agent: "talker", input: "go" })));
    for (const { runId } of runs) first.say({ type: "subscribe", runId });
    await eventually(() => expect(runs.every(({ runId }) => first.eventsOf(runId).length > 15)).toBe(true));
    first.socket.terminate();
    const second = await connect(gateway);
    second.say({ type: "auth", token: gateway.apiKey });
    for (const { runId } of runs) second.say({ type: "subscribe", runId, after: first.eventsOf(runId).at(-1)?.id });
    await eventually(() => expect(runs.every(({ runId }) => second.hasEnded(runId))).toBe(true));
    for (const { runId } of runs) {
      expect([...first.eventsOf(runId), ...second.eventsOf(runId)]).toEqual(await gateway.events(runId));
    }
  });

  test("a browser token watches only its own run, and its socket ends when it expires", async () => {
    const { runId } = await gateway.startRun({ agent: "talker", input: "go" });
    const other = await gateway.startRun({ agent: "talker", input: "go" });
    const body = { scopes: ["runs:read"], runId, expiresInSeconds: 3 };
    const token = (await gateway.call<{ token: string }>("POST", "/api/tokens", body)).body.token;
    const client = await connect(gateway, { origin: "https://app.example" });
    client.say({ type: "auth", token });
    client.say({ type: "subscribe", runId: other.runId });
    client.say({ type: "subscribe", runId });
    await eventually(() => expect(client.eventsOf(runId).length).toBeGreaterThan(3));
    expect(client.eventsOf(other.runId)).toEqual([]);
    expect(client.heard.find(({ type }) => type === "error")).toMatchObject({ code: "not_found", runId: other.runId });
    expect(await client.closed).toBe(4401);
  });

  test("the newest run of a thread is told at once and whenever another one begins, and to nobody else", async () => {
    const { body: made } = await gateway.call<{ id: string }>("POST", "/api/threads", { key: "in box/ü" });
    const client = await connect(gateway);
    client.say({ type: "auth", token: gateway.apiKey });
    for (const threadId of ["in box/ü", made.id, "nothing of this name"]) client.say({ type: "subscribe", threadId });
    const told = (threadId: string): (string | undefined)[] =>
      client.heard.flatMap((one) => (one.type === "thread.run" && one.threadId === threadId ? [one.runId] : []));
    const runIds: string[] = [];
    for (let count = 1; count <= 3; count += 1) {
      const threadId = count === 2 ? made.id : "in box/ü";
      runIds.push((await gateway.startRun({ agent: "talker", input: "go", threadId })).runId);
      await eventually(() => expect([told("in box/ü"), told(made.id)]).toEqual([runIds, runIds]));
    }
    client.say({ type: "unsubscribe", threadId: made.id });
    await gateway.startRun({ agent: "talker", input: "go", threadId: made.id });
    await eventually(() => expect(told("in box/ü")).toHaveLength(4));
    expect(told(made.id)).toHaveLength(3);
    expect(client.heard.filter(({ type }) => type === "error")).toMatchObject([
      { code: "not_found", threadId: "nothing of this name" },
    ]);
  });

  test("a page of another origin is refused", async () => {
    await expect(connect(gateway, { origin: "https://evil.example" })).rejects.toThrow("403");
  });

  test("a gateway that shuts down closes its sockets with 1012", async () => {
    const closing = await startTestGateway();
    const client = await connect(closing);
    client.say({ type: "auth", token: closing.apiKey });
    await eventually(() => expect(client.heard).toHaveLength(1));
    await closing.close();
    expect(await client.closed).toBe(1012);
  });
});
