import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { WebSocket } from "ws";
import { recordingLog } from "../../../test/support/recording-log.ts";
import {
  at,
  createFollowWorld,
  delta,
  fact,
  OTHER_TAG,
  RUN,
  settle,
  TENANT,
} from "../../../test/support/follow-world.ts";
import type { Principal } from "../../access/principal.ts";
import { refuse } from "../../access/refusal.ts";
import {
  WATCH_AUTH_TIMEOUT_MS,
  WATCH_FAULTS_MAX,
  WATCH_HEARTBEAT_MS,
  WATCH_MESSAGE_BYTES_MAX,
  WATCH_UNHEARD_MAX_MS,
  WATCH_UNSENT_BYTES_MAX,
} from "../limits.ts";
import { FOLLOW_COMPARE_INTERVAL_MS, WATCHER_STALL_MS } from "../../follow/limits.ts";
import type { ThreadHub } from "../../follow/thread-hub.ts";
import { type Store, StoreUnavailable } from "../../ports/store.ts";
import { createWatchSocketServer } from "./watch-socket-server.ts";
import { LoopTurns } from "../../runtime/loop-turns.ts";
import { asTenantId } from "../../core/tenant-id.ts";

/** A busy machine may take its time; a condition that holds costs none. */
const eventually = <T>(condition: () => T) => vi.waitFor(condition, 10_000);

const OTHER_RUN = "0199c8f0-0000-7000-8000-0000000000bb";

async function startWatchSockets() {
  const world = createFollowWorld();
  world.store.add(fact(1, at(0), "run.created"), fact(2, at(1), "run.started"), fact(3, at(2), "step.started"));
  const log = recordingLog();
  const sockets = createWatchSocketServer({
    turns: new LoopTurns(world.clock),
    hub: world.hub,
    threads: {} as ThreadHub,
    addressOf: ({ socket }) => socket.remoteAddress ?? "",
    clock: world.clock,
    // Only a token bound to a thread or a device makes a subscription ask for more than the follower's fake answers.
    store: world.store as unknown as Store,
    log,
    async authenticate(token) {
      if (token === "bad") return refuse("unauthenticated", "The API key is unknown or was revoked.");
      if (token === "down") throw new StoreUnavailable("down");
      const scopes = token === "writer" ? (["runs:write"] as const) : (["runs:read"] as const);
      const bounds: Partial<Principal> = {
        ...(token === "short" ? { expiresAt: world.clock.now() + 5000 } : {}),
        ...(token === "elsewhere" ? { runId: OTHER_RUN } : {}),
      };
      const tenantId = token === "foreign" ? asTenantId("tenant-b") : TENANT;
      return {
        kind: "authenticated",
        principal: { kind: "token", keyId: "key-1", name: "test", tenantId, scopes, ...bounds },
      };
    },
  });
  const server = createServer();
  const streams: { readonly writableLength: number }[] = [];
  server.on("upgrade", (request, socket, head) => {
    streams.push(socket);
    sockets.upgrade(request, socket, head);
  });
  await new Promise<void>((resolve) => server.listen(0, resolve));
  onTestFinished(async () => {
    await sockets.close();
    world.hub.close();
    await new Promise((resolve) => server.close(resolve));
    expect(log.errors).toEqual([]);
  });
  const { port } = server.address() as AddressInfo;
  return { world, sockets, streams, connect: () => openClient(`ws://127.0.0.1:${port}/api/watch`) };
}

interface Heard {
  readonly type: string;
  readonly id?: string;
  readonly runId?: string;
  readonly code?: string;
}

async function openClient(url: string) {
  const socket = new WebSocket(url);
  onTestFinished(() => socket.terminate());
  const heard: Heard[] = [];
  let closeCode: number | null = null;
  socket.on("message", (data: Buffer) => heard.push(JSON.parse(data.toString()) as Heard));
  socket.on("close", (code) => (closeCode = code)).on("error", () => {});
  await new Promise((resolve) => socket.once("open", resolve));
  return {
    socket,
    heard,
    say: (message: object | string) => socket.send(typeof message === "string" ? message : JSON.stringify(message)),
    ids: () => heard.flatMap(({ id }) => (id === undefined ? [] : [id])),
    types: () => heard.map(({ type }) => type),
    /** Waits until something of this kind was heard since. */
    hears: (type: string) => eventually(() => expect(heard.map((one) => one.type)).toContain(type)),
    closes: (code: number) => eventually(() => expect(closeCode).toBe(code)),
    isOpen: () => closeCode === null,
  };
}

describe("WS /api/watch", () => {
  test("a watch socket follows a run to its end, with the events of SSE data", async () => {
    const { world, connect } = await startWatchSockets();
    const client = await connect();
    client.say({ type: "auth", token: "key" });
    client.say({ type: "subscribe", runId: RUN, after: "2-0" });
    await eventually(() => expect(client.ids()).toEqual(["3-0"]));
    expect(client.types()).toEqual(["authenticated", "subscribed", "step.started"]);
    world.liveLog.tell({ kind: "progress", json: '{"type":"tool.progress"}' });
    world.hub.published(RUN, [delta(3, 1)]);
    world.store.add(delta(3, 1), fact(4, at(3, 1), "step.completed"), fact(5, at(4), "run.completed"));
    world.hub.published(RUN, [fact(4, at(3, 1), "step.completed"), fact(5, at(4), "run.completed")]);
    await client.hears("ended");
    expect(client.heard.slice(3).map(({ type, id }) => id ?? type)).toEqual([
      "tool.progress",
      "3-1",
      "4-0",
      "5-0",
      "ended",
    ]);
    client.say({ type: "subscribe", runId: RUN, after: "5-0" });
    await eventually(() => expect(client.types().slice(-2)).toEqual(["subscribed", "ended"]));
    expect(world.hub.counts().watchers).toBe(0);
  });

  test("a client is told when the store has gone back, and subscribes again with the position that it has", async () => {
    const { world, connect } = await startWatchSockets();
    const client = await connect();
    client.say({ type: "auth", token: "key" });
    client.say({ type: "subscribe", runId: RUN });
    await eventually(() => expect(client.ids()).toEqual(["1-0", "2-0", "3-0"]));
    world.store.goBackTo(at(2));
    await world.pass(FOLLOW_COMPARE_INTERVAL_MS);
    await client.hears("error");
    expect(client.heard.at(-1)).toMatchObject({ type: "error", runId: RUN, code: "unavailable" });
    client.say({ type: "subscribe", runId: RUN, after: "3-0" });
    await eventually(() => expect(client.ids()).toHaveLength(5));
    expect(client.heard.slice(-4).map(({ type, id }) => id ?? type)).toEqual([
      "subscribed",
      "stream.rewound",
      `1-0.${OTHER_TAG}`,
      `2-0.${OTHER_TAG}`,
    ]);
  });

  test("an unsubscribe is never overtaken by its subscribe, and the run can be subscribed to again", async () => {
    const { world, connect } = await startWatchSockets();
    const client = await connect();
    client.say({ type: "auth", token: "key" });
    client.say({ type: "subscribe", runId: RUN, after: "3-0" });
    client.say({ type: "unsubscribe", runId: RUN });
    client.say({ type: "subscribe", runId: RUN, after: "2-0" });
    await eventually(() => expect(client.ids()).toEqual(["3-0"]));
    expect(world.hub.counts().watchers).toBe(1);
    client.socket.close();
    await eventually(() => expect(world.hub.counts().watchers).toBe(0));
  });

  test("a wrong subscription is refused by its name and leaves the others alone", async () => {
    const { world, connect } = await startWatchSockets();
    const client = await connect();
    client.say({ type: "auth", token: "key" });
    client.say({ type: "subscribe", runId: RUN, after: "3-0" });
    client.say({ type: "subscribe", runId: RUN });
    client.say({ type: "subscribe", runId: OTHER_RUN });
    client.say({ type: "subscribe", runId: RUN, after: "nonsense" });
    client.say({ type: "subscribe", runId: "nonsense" });
    client.say({ type: "auth", token: "key" });
    client.say("}{");
    await eventually(() => expect(client.heard).toHaveLength(8));
    expect(client.heard.slice(2).map(({ type, code, runId }) => [type, code, runId])).toEqual([
      ["error", "invalid_request", RUN],
      ["error", "not_found", OTHER_RUN],
      ["error", "invalid_request", RUN],
      ["error", "invalid_request", "nonsense"],
      ["error", "invalid_request", undefined],
      ["error", "invalid_request", undefined],
    ]);
    world.hub.published(RUN, [delta(3, 1)]);
    await eventually(() => expect(client.ids()).toEqual(["3-1"]));
    for (let fault = 0; fault < WATCH_FAULTS_MAX; fault++) client.say("garbage");
    await client.closes(4400);
  });

  test("a client without valid credentials is closed with what it should do next", async () => {
    const { world, connect } = await startWatchSockets();
    const cases: [message: string | object | null, code: number][] = [
      ["garbage", 4400],
      [{ type: "subscribe", runId: RUN }, 4400],
      [{ type: "auth", token: "bad" }, 4401],
      [{ type: "auth", token: "writer" }, 4401],
      [{ type: "auth", token: "down" }, 1012],
    ];
    for (const [message, code] of cases) {
      const client = await connect();
      if (message !== null) client.say(message);
      await client.closes(code);
      expect(client.types()).toEqual(["error"]);
    }
    const tooLong = await connect();
    tooLong.say("x".repeat(WATCH_MESSAGE_BYTES_MAX + 1));
    await tooLong.closes(1009);
    const silent = await connect();
    world.clock.advance(WATCH_AUTH_TIMEOUT_MS);
    await silent.closes(4401);
  });

  test("another tenant's run looks like a missing one", async () => {
    const { connect } = await startWatchSockets();
    const client = await connect();
    client.say({ type: "auth", token: "foreign" });
    client.say({ type: "subscribe", runId: RUN });
    await client.hears("error");
    expect(client.heard.at(-1)).toMatchObject({ code: "not_found", runId: RUN });
  });

  test("a watch socket ends when its token expires, unless it was renewed; a narrower token sees less", async () => {
    const { world, connect } = await startWatchSockets();
    const worn = await connect();
    worn.say({ type: "auth", token: "short" });
    const renewed = await connect();
    renewed.say({ type: "auth", token: "short" });
    renewed.say({ type: "subscribe", runId: RUN, after: "3-0" });
    renewed.say({ type: "auth.refresh", token: "key" });
    await eventually(() => expect(renewed.types()).toEqual(["authenticated", "subscribed", "authenticated"]));
    await worn.hears("authenticated");
    world.clock.advance(5000);
    await worn.closes(4401);
    expect(renewed.isOpen()).toBe(true);
    renewed.say({ type: "auth.refresh", token: "elsewhere" });
    await renewed.hears("error");
    expect(renewed.heard.at(-1)).toMatchObject({ code: "not_found", runId: RUN });
    expect(world.hub.counts().watchers).toBe(0);
    renewed.say({ type: "auth.refresh", token: "foreign" });
    await renewed.closes(4401);
  });

  test("a client that answers no ping is dropped, and one that does stays", async () => {
    const { world, connect } = await startWatchSockets();
    const alive = await connect();
    const dead = await connect();
    for (const client of [alive, dead]) {
      client.say({ type: "auth", token: "key" });
      await client.hears("authenticated");
    }
    dead.socket.pause();
    for (let passed = 0; passed <= WATCH_UNHEARD_MAX_MS; passed += WATCH_HEARTBEAT_MS) {
      const ping = new Promise((resolve) => alive.socket.once("ping", resolve));
      world.clock.advance(WATCH_HEARTBEAT_MS);
      await ping;
      await settle();
    }
    dead.socket.resume();
    await dead.closes(4408);
    expect(alive.isOpen()).toBe(true);
  });

  test("a client that stops reading holds a bounded amount, is cut after its time, and resumes without loss", async () => {
    const { world, streams, connect } = await startWatchSockets();
    const client = await connect();
    client.say({ type: "auth", token: "key" });
    client.say({ type: "subscribe", runId: RUN, after: "3-0" });
    await client.hears("subscribed");
    client.socket.pause();
    const count = 400;
    for (let sub = 1; sub <= count; sub++) {
      const one = delta(3, sub, 50_000);
      world.store.add(one);
      world.hub.published(RUN, [one]);
      if (sub % 20 === 0) await settle();
    }
    expect(streams[0]?.writableLength).toBeGreaterThan(WATCH_UNSENT_BYTES_MAX);
    expect(streams[0]?.writableLength).toBeLessThan(2 * WATCH_UNSENT_BYTES_MAX);
    for (let passed = 0; passed < WATCHER_STALL_MS + 1000; passed += 1000) {
      world.clock.advance(1000);
      await settle();
    }
    expect(world.hub.counts().watchers).toBe(0);
    const again = await connect();
    again.say({ type: "auth", token: "key" });
    again.say({ type: "subscribe", runId: RUN, after: "3-7" });
    await eventually(() => expect(again.ids()).toHaveLength(count - 7));
    expect(again.ids()).toEqual(Array.from({ length: count - 7 }, (_, index) => `3-${index + 8}`));
  });

  test("a slow client that reads again gets the whole record", async () => {
    const { world, connect } = await startWatchSockets();
    const client = await connect();
    client.say({ type: "auth", token: "key" });
    client.say({ type: "subscribe", runId: RUN, after: "3-0" });
    await client.hears("subscribed");
    client.socket.pause();
    const count = 400;
    for (let sub = 1; sub <= count; sub++) {
      const one = delta(3, sub, 50_000);
      world.store.add(one);
      world.hub.published(RUN, [one]);
      if (sub % 20 === 0) await settle();
    }
    client.socket.resume();
    await eventually(() => expect(client.ids()).toHaveLength(count));
    world.hub.published(RUN, [delta(3, count + 1)]);
    await eventually(() =>
      expect(client.ids()).toEqual(Array.from({ length: count + 1 }, (_, index) => `3-${index + 1}`)),
    );
  });

  test("a gateway that shuts down closes watch sockets with 1012 and takes no new ones", async () => {
    const { world, sockets, connect } = await startWatchSockets();
    const client = await connect();
    client.say({ type: "auth", token: "key" });
    client.say({ type: "subscribe", runId: RUN });
    await client.hears("step.started");
    await sockets.close();
    await client.closes(1012);
    expect(world.hub.counts().watchers).toBe(0);
    const late = new WebSocket(client.socket.url);
    const status = await new Promise((resolve) =>
      late.on("unexpected-response", (_, response) => resolve(response.statusCode)).on("error", () => {}),
    );
    expect(status).toBe(503);
    late.terminate();
  });
});
