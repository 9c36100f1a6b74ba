import { Agent, get, type IncomingMessage } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { fastify } from "fastify";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import {
  at,
  createStepWorld,
  delta,
  fact,
  type FollowWorld,
  RUN,
  settle,
  TENANT,
} from "../../../test/support/follow-world.ts";
import { PLACES_RETRY_MS } from "../../access/limits.ts";
import { tokenSecrets } from "../../access/browser-token.ts";
import type { Principal } from "../../access/principal.ts";
import { refuse } from "../../access/refusal.ts";
import { FOLLOW_PAGE_HELD_MS, WATCHER_STALL_MS, WATCHER_WRITE_BYTES_MAX } from "../../follow/limits.ts";
import { STREAM_HEARTBEAT_MS } from "../limits.ts";
import type { Store } from "../../ports/store.ts";
import { RequestLimits } from "../http/request-limits.ts";
import { registerStreamRoute } from "./stream-route.ts";
import { asTenantId } from "../../core/tenant-id.ts";

async function startRoute(hubBounds?: Parameters<typeof createStepWorld>[0]) {
  const world = createStepWorld(hubBounds);
  const app = fastify();
  app.addHook(
    "onRequest",
    async (_request, reply) => void reply.header("access-control-allow-origin", "https://app.example"),
  );
  registerStreamRoute(app, {
    hub: world.hub,
    clock: world.clock,
    tokenSecrets: tokenSecrets(new TextEncoder().encode("a secret of this test")),
    // Only a token bound to a thread or a device makes the route ask for more than the follower's fake answers.
    store: world.store as unknown as Store,
    allowedOrigins: [],
    limits: new RequestLimits(
      { rates: { tenantPerSecond: 1e6, principalPerSecond: 1e6, addressPerSecond: 1e6 }, trustedProxies: [] },
      world.clock,
    ),
    async authenticate(credential) {
      if (credential === "bad") return refuse("unauthenticated", "unknown");
      const scopes = credential === "writer" ? (["runs:write"] as const) : (["runs:read"] as const);
      const bounds: Partial<Principal> = credential === "short" ? { expiresAt: world.clock.now() + 5000 } : {};
      const tenantId = credential === "foreign" ? asTenantId("tenant-b") : TENANT;
      return {
        kind: "authenticated",
        principal: { kind: "token", keyId: "key-1", name: "test", tenantId, scopes, ...bounds },
      };
    },
  });
  await app.listen({ port: 0 });
  const { port } = app.server.address() as AddressInfo;
  onTestFinished(async () => {
    world.hub.close();
    app.server.closeAllConnections();
    await app.close();
  });
  return { world, app, port };
}

interface Stream {
  readonly response: IncomingMessage;
  text: string;
  ids(): string[];
  ended: boolean;
}

async function open(
  port: number,
  { path = `/api/runs/${RUN}/stream`, ...headers }: Record<string, string> = {},
  keepAlive?: Agent,
): Promise<Stream> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const options = { port, path, agent: keepAlive, headers: { authorization: "Bearer key", ...headers } };
    const request = get(options, resolve).on("error", reject);
    onTestFinished(() => void request.destroy());
  });
  const stream: Stream = {
    response,
    text: "",
    ended: false,
    ids: () => [...stream.text.matchAll(/^id: (.*)$/gm)].map(([, id = ""]) => id),
  };
  response.setEncoding("utf8").on("data", (text: string) => (stream.text += text));
  response.on("end", () => (stream.ended = true)).on("error", () => (stream.ended = true));
  return stream;
}

/** Lets the run take its course with the socket's own events in between. */
async function until(condition: () => boolean, world?: FollowWorld): Promise<void> {
  await vi.waitFor(async () => {
    await world?.pass(100);
    if (!condition()) throw new Error("not yet");
  }, 10_000);
}

describe("GET /api/runs/:id/stream", () => {
  test("a stream opens before anything has happened, with headers that keep proxies from buffering it", async () => {
    const { port } = await startRoute();
    const { response, text } = await open(port, { "last-event-id": "3-0" });
    expect(response.statusCode).toBe(200);
    expect(response.headers).toMatchObject({
      "content-type": "text/event-stream",
      "cache-control": "no-cache, no-transform",
      "x-accel-buffering": "no",
      "access-control-allow-origin": "https://app.example",
    });
    expect(response.headers).not.toHaveProperty("content-encoding");
    expect(response.headers).not.toHaveProperty("content-length");
    expect(text).toBe("");
  });

  test("a stream sends each event as id and data only, ends after the terminal fact, and keeps the connection", async () => {
    const { world, port } = await startRoute();
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    onTestFinished(() => agent.destroy());
    const stream = await open(port, {}, agent);
    await until(() => stream.ids().length === 3);
    world.hub.published(RUN, [delta(3, 1)]);
    world.store.add(delta(3, 1), fact(4, at(3, 1), "step.completed"), fact(5, at(4), "run.completed"));
    world.hub.published(RUN, [fact(4, at(3, 1), "step.completed"), fact(5, at(4), "run.completed")]);
    await until(() => stream.ended);
    expect(stream.ids()).toEqual(["1-0", "2-0", "3-0", "3-1", "4-0", "5-0"]);
    const [preamble, ...frames] = stream.text.split("\n\n");
    expect(preamble).toBe("retry: 1000\n: open");
    expect(frames.pop()).toBe("");
    for (const frame of frames) {
      const [, id, json = ""] = /^id: (.+)\ndata: (.+)$/.exec(frame) ?? [];
      expect(JSON.parse(json)).toMatchObject({ id, runId: RUN });
    }
    const again = await open(port, { "last-event-id": "4-0" }, agent);
    await until(() => again.ended);
    expect(again.ids()).toEqual(["5-0"]);
    expect(again.response.socket).toBe(stream.response.socket);
  });

  test("a stream resumes after the position in the header, else in the query", async () => {
    const { port } = await startRoute();
    const query = `/api/runs/${RUN}/stream?after=1-0`;
    const byQuery = await open(port, { path: query });
    const byHeader = await open(port, { path: query, "last-event-id": "2-0" });
    const byEmptyHeader = await open(port, { path: query, "last-event-id": "" });
    await until(() => byHeader.ids().length > 0 && byQuery.ids().length > 1 && byEmptyHeader.ids().length > 1);
    expect([byQuery.ids(), byHeader.ids(), byEmptyHeader.ids()]).toEqual([["2-0", "3-0"], ["3-0"], ["2-0", "3-0"]]);
  });

  test("a stream that cannot be followed is refused with the status of its reason", async () => {
    const { world, port } = await startRoute();
    const status = async (options: Record<string, string>) => (await open(port, options)).response.statusCode;
    const path = (query: string) => ({ path: `/api/runs/${RUN}/stream${query}` });
    expect(await status(path("?after=x"))).toBe(400);
    expect(await status(path("?after="))).toBe(400);
    expect(await status(path("?after=4-0"))).toBe(400);
    expect(await status(path("?after=1-0&after=2-0"))).toBe(400);
    expect(await status({ "last-event-id": "99-0" })).toBe(400);
    expect(await status({ authorization: "Bearer bad" })).toBe(401);
    expect(await status({ authorization: "Bearer writer" })).toBe(403);
    expect(await status({ authorization: "Bearer foreign" })).toBe(404);
    expect(await status({ path: "/api/runs/nonsense/stream" })).toBe(404);
    world.store.add(fact(4, at(3), "run.completed"));
    expect(await status({ "last-event-id": "4-0" })).toBe(204);
    expect(await status({ "last-event-id": "3-0" })).toBe(200);
  });

  test("a store that is away is an error to a program, but an EventSource, to which errors are final, is told to retry", async () => {
    const { world, port } = await startRoute();
    world.store.isDown = true;
    expect((await open(port)).response.statusCode).toBe(503);
    const stream = await open(port, { accept: "text/event-stream" });
    await until(() => stream.ended);
    expect(stream.response.statusCode).toBe(200);
    expect(stream.text).toContain("retry: ");
    expect(stream.ids()).toEqual([]);
  });

  test("a gateway without a place for a watcher says so to a program, and tells an EventSource when to come back", async () => {
    const { port } = await startRoute({ watchersMax: 0 });
    expect((await open(port)).response).toMatchObject({ statusCode: 429, headers: { "retry-after": "5" } });
    const stream = await open(port, { accept: "text/event-stream" });
    await until(() => stream.ended);
    expect(stream.response.statusCode).toBe(200);
    expect(stream.text).toContain(`retry: ${PLACES_RETRY_MS}\n`);
  });

  test("an idle stream sends a heartbeat every 15 seconds", async () => {
    const { world, port } = await startRoute();
    const stream = await open(port, { "last-event-id": "3-0" });
    await until(() => stream.text !== "");
    for (let beat = 1; beat <= 3; beat++) {
      world.clock.advance(STREAM_HEARTBEAT_MS);
      await until(() => stream.text.split(": still here\n\n").length === beat + 1);
    }
  });

  test("a gateway that shuts down closes the connection too, so that the client returns to another gateway", async () => {
    const { world, port } = await startRoute();
    const agent = new Agent({ keepAlive: true });
    onTestFinished(() => agent.destroy());
    const stream = await open(port, {}, agent);
    await until(() => stream.ids().length === 3);
    const { socket } = stream.response;
    world.hub.close();
    await until(() => stream.ended && socket.destroyed);
  });

  test("a stream ends when the token expires or the gateway shuts down, and says when to come back", async () => {
    const { world, port } = await startRoute();
    const short = await open(port, { authorization: "Bearer short" });
    const long = await open(port);
    await until(() => short.ids().length === 3 && long.ids().length === 3);
    world.clock.advance(5000);
    await until(() => short.ended);
    expect(long.ended).toBe(false);
    world.hub.close();
    await until(() => long.ended);
    expect(long.text).toContain("retry: 100\n");
    expect(world.hub.counts().watchers).toBe(0);
  });

  test("a client that leaves is forgotten at once", async () => {
    const { world, port } = await startRoute();
    const stream = await open(port);
    await until(() => stream.ids().length === 3);
    expect(world.hub.counts().watchers).toBe(1);
    stream.response.destroy();
    await until(() => world.hub.counts().watchers === 0);
  });

  test("a client that stops reading is cut after its time, holds a bounded amount until then, and resumes without loss", async () => {
    const { world, app, port } = await startRoute();
    const served: Socket[] = [];
    app.server.on("connection", (one: Socket) => served.push(one));
    const socket = stopReading(port);
    await until(() => world.hub.counts().watchers === 1);
    const count = 400;
    for (let sub = 1; sub <= count; sub++) {
      const one = delta(3, sub, 50_000);
      world.store.add(one);
      world.hub.published(RUN, [one]);
      if (sub % 20 === 0) await settle();
    }
    expect(served.map(({ writableLength }) => writableLength > 50_000 && writableLength < 300_000)).toEqual([true]);
    for (let passed = 0; passed < WATCHER_STALL_MS + 2000; passed += 1000) {
      world.clock.advance(1000);
      await settle();
    }
    expect(world.hub.counts().watchers).toBe(0);
    socket.destroy();
    const again = await open(port, { "last-event-id": "3-7" });
    await until(() => again.ids().length === count - 7, world);
    expect(again.ids()).toEqual(Array.from({ length: count - 7 }, (_, index) => `3-${index + 8}`));
  });

  test("an event larger than a socket takes at once reaches a slow client whole", async () => {
    const { world, port } = await startRoute();
    world.store.add(fact(4, at(3), "tool.completed", 5_000_000), fact(5, at(4), "run.completed"));
    const stream = await open(port, { "last-event-id": "3-0" });
    stream.response.pause();
    await settle();
    stream.response.resume();
    await until(() => stream.ended);
    const [, json = ""] = /^id: 4-0\ndata: (.+)$/m.exec(stream.text) ?? [];
    expect(json.length).toBeGreaterThan(5_000_000);
    expect(JSON.parse(json)).toMatchObject({ id: "4-0" });
    expect(stream.ids()).toEqual(["4-0", "5-0"]);
  });

  test("a heartbeat is not written inside a half-sent event, however long the store withholds the rest", async () => {
    const { world, app, port } = await startRoute();
    world.store.add(fact(4, at(3), "tool.completed", 5_000_000));
    const served: Socket[] = [];
    // Its socket takes one piece and is full, whatever the kernel would take.
    app.server.on("connection", (one: Socket) => {
      one.cork();
      served.push(one);
    });
    const opening = open(port, { "last-event-id": "3-0" });
    await until(() => served.some(({ writableLength }) => writableLength > WATCHER_WRITE_BYTES_MAX));
    // The page with the rest is given back.
    await world.pass(FOLLOW_PAGE_HELD_MS);
    world.store.isDown = true;
    served[0]?.uncork();
    const stream = await opening;
    await until(() => stream.text.length > WATCHER_WRITE_BYTES_MAX && served[0]?.writableLength === 0);
    world.clock.advance(STREAM_HEARTBEAT_MS);
    world.store.isDown = false;
    await until(() => stream.text.length > 5_000_000 && stream.text.endsWith("\n\n"), world);
    const [, json = ""] = /^id: 4-0\ndata: (.+)$/m.exec(stream.text) ?? [];
    expect(json.length).toBeGreaterThan(5_000_000);
    expect(JSON.parse(json)).toMatchObject({ id: "4-0" });
    // Once the event is whole, the stream is heard of again.
    world.clock.advance(STREAM_HEARTBEAT_MS);
    await until(() => stream.text.includes("}\n\n: still here\n\n"));
  });
});

/** A client that sends its request and never reads. */
function stopReading(port: number): Socket {
  const socket = connect(port);
  onTestFinished(() => void socket.destroy());
  socket.pause().on("error", () => {});
  socket.write(`GET /api/runs/${RUN}/stream?after=3-0 HTTP/1.1\r\nhost: here\r\nauthorization: Bearer key\r\n\r\n`);
  return socket;
}
