import { describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { startDeviceSockets } from "../../../test/support/device-sockets.ts";
import { callIdOf as id } from "../../../test/support/device-world.ts";
import { RawDevice } from "../../../test/support/raw-device.ts";
import { DEVICE_PROGRESS_PER_SECOND_MAX } from "../../devices/limits.ts";
import {
  DEVICE_FAULTS_MAX,
  DEVICE_REGISTER_BYTES_MAX,
  DEVICE_REGISTER_TIMEOUT_MS,
  DEVICE_UNHEARD_MAX_MS,
} from "../limits.ts";
import { OPEN_CALLS_PER_SESSION_MAX } from "../../ports/limits.ts";
import { TOOL_RESULT_BYTES_MAX } from "../../core/limits.ts";

describe("registration", () => {
  test("a device that registers is told its ids and how often it is pinged", async () => {
    const { device } = await startDeviceSockets();
    const laptop = await device();
    expect(laptop.socket.protocol).toBe("hsafa.device.v1");
    expect(laptop.heard[0]).toEqual({
      type: "device.registered",
      deviceId: "device of laptop",
      sessionId: "session-1",
      heartbeatMs: 10_000,
    });
  });

  test("a client that offers no subprotocol is served, one that offers only others is refused", async () => {
    const { url } = await startDeviceSockets();
    const plain = await new RawDevice(url, []).register({ token: "good", deviceKey: "laptop" });
    expect(plain.heard[0]?.type).toBe("device.registered");
    const foreign = new RawDevice(url, "mqtt");
    expect(await foreign.closed()).toMatchObject({ code: 1006 });
  });

  test.each([
    ["no JSON", "hello"],
    ["another message", { type: "ping" }],
    ["an unknown field", { type: "device.register", token: "good", deviceKey: "a", bootId: "b", tools: [], more: 1 }],
    [
      "nesting that would overflow a stack",
      `{"type":"device.register","labels":${"[".repeat(30_000)}${"]".repeat(30_000)}}`,
    ],
    ["a first message above the bound", `{"type":"${"x".repeat(DEVICE_REGISTER_BYTES_MAX)}"}`],
    ["a first message far above the bound", "x".repeat(900_000)],
  ])("%s before registration ends the connection as a protocol error", async (_name, message) => {
    const { url } = await startDeviceSockets();
    const stranger = await new RawDevice(url).open();
    stranger.send(message);
    expect(await stranger.closed()).toMatchObject({ code: 4400 });
  });

  test("a binary first message is a protocol error", async () => {
    const { url } = await startDeviceSockets();
    const stranger = await new RawDevice(url).open();
    stranger.socket.send(Buffer.from([1, 2, 3]));
    expect(await stranger.closed()).toMatchObject({ code: 4400 });
  });

  test("two tools of one name are a protocol error that names them", async () => {
    const { url } = await startDeviceSockets();
    const tool = { name: "twin", inputSchema: {} };
    const confused = await new RawDevice(url).register({ token: "good", deviceKey: "laptop", tools: [tool, tool] });
    expect(await confused.closed()).toEqual({ code: 4400, reason: "The tool 'twin' is offered twice." });
  });

  test.each([
    ["an unknown key", "bad", "unauthenticated"],
    ["a token without the scope", "reader", "forbidden"],
    ["a token for another device key", "bound", "forbidden"],
  ])("%s is told to get a new token", async (_name, token, code) => {
    const { url } = await startDeviceSockets();
    const stranger = await new RawDevice(url).register({ token, deviceKey: "somebody-else" });
    expect(await stranger.closed()).toMatchObject({ code: 4401 });
    expect(stranger.heard).toMatchObject([{ type: "error", code }]);
  });

  test("a connection that never registers is dropped in time, pongs or not", async () => {
    const { url, clock } = await startDeviceSockets();
    const silent = await new RawDevice(url).open();
    silent.socket.pong();
    clock.advance(DEVICE_REGISTER_TIMEOUT_MS);
    expect(await silent.closed()).toMatchObject({ code: 4408 });
  });

  test("with the store away a device is told to come back, and no session is left behind", async () => {
    const { url, rows } = await startDeviceSockets();
    rows.isAway = true;
    const early = await new RawDevice(url).register({ token: "good", deviceKey: "laptop" });
    expect(await early.closed()).toMatchObject({ code: 1012 });
    expect(rows.sessions).toEqual([]);
  });
});

describe("calls", () => {
  test("a call that waited for its device is sent when it connects, and another at the ring", async () => {
    const { rows, bell, device } = await startDeviceSockets();
    rows.add({ callId: id("waited") });
    const laptop = await device();
    expect(await laptop.next("tool.call.request")).toEqual({
      type: "tool.call.request",
      callId: id("waited"),
      runId: "run-1",
      toolName: "read_file",
      args: { path: "/tmp" },
      attempt: 1,
      deadline: null,
    });
    rows.add({ callId: id("rung") });
    bell.ring({ about: "device", tenantId: "tenant-1", deviceKey: "laptop" });
    expect(await laptop.next("tool.call.request", 2)).toMatchObject({ callId: id("rung") });
  });

  test("a lost ring costs a second: the poll finds the call", async () => {
    const { rows, clock, device } = await startDeviceSockets();
    const laptop = await device();
    rows.add({ callId: id("unrung") });
    clock.advance(1000);
    expect(await laptop.next("tool.call.request")).toMatchObject({ callId: id("unrung") });
  });

  test("a result is acknowledged once it is taken; a repeat is a duplicate, another one a conflict", async () => {
    const { rows, device, rings } = await startDeviceSockets();
    rows.add({ callId: id("a") });
    const laptop = await device();
    await laptop.next("tool.call.request");
    laptop.send({ type: "tool.accepted", callId: id("a") });
    laptop.send({ type: "tool.result", callId: id("a"), result: { lines: 3 } });
    expect(await laptop.next("tool.result.ack")).toEqual({
      type: "tool.result.ack",
      callId: id("a"),
      duplicate: false,
    });
    expect(rows.accepted).toEqual([id("a")]);
    expect(rows.outcomes.get(id("a"))).toEqual({ kind: "completed", result: { lines: 3 } });
    expect(rings).toContainEqual({ about: "run", runId: "run-1" });
    laptop.send({ type: "tool.result", callId: id("a"), result: { lines: 3 } });
    expect(await laptop.next("tool.result.ack", 2)).toMatchObject({ duplicate: true });
    laptop.send({ type: "tool.result", callId: id("a"), result: { lines: 4 } });
    expect(await laptop.next("error")).toMatchObject({ code: "result_conflict", callId: id("a") });
  });

  test("an error of the tool is a result too", async () => {
    const { rows, device } = await startDeviceSockets();
    rows.add({ callId: id("a") });
    const laptop = await device();
    await laptop.next("tool.call.request");
    laptop.send({ type: "tool.result", callId: id("a"), error: { message: "no such file", code: "ENOENT" } });
    await laptop.next("tool.result.ack");
    expect(rows.outcomes.get(id("a"))).toEqual({ kind: "failed", error: { code: "ENOENT", message: "no such file" } });
  });

  test("a result for a call that was never sent here is refused", async () => {
    const { rows, device } = await startDeviceSockets();
    rows.add({ callId: id("theirs"), recipientKey: "phone" });
    const laptop = await device();
    laptop.send({ type: "tool.result", callId: id("theirs"), result: 1 });
    expect(await laptop.next("error")).toMatchObject({ code: "not_found", callId: id("theirs") });
  });

  test("a result too large is refused, and the call stays open for an answer that fits", async () => {
    const { rows, device } = await startDeviceSockets();
    rows.add({ callId: id("a") });
    const laptop = await device();
    await laptop.next("tool.call.request");
    laptop.send({ type: "tool.result", callId: id("a"), result: "x".repeat(TOOL_RESULT_BYTES_MAX) });
    expect(await laptop.next("error")).toMatchObject({ code: "payload_too_large", callId: id("a") });
    laptop.send({ type: "tool.result", callId: id("a"), error: { message: "too much to tell" } });
    expect(await laptop.next("tool.result.ack")).toMatchObject({ duplicate: false });
  });

  test("a result nested too deep is refused by name", async () => {
    const { rows, device } = await startDeviceSockets();
    rows.add({ callId: id("a") });
    const laptop = await device();
    await laptop.next("tool.call.request");
    laptop.send(`{"type":"tool.result","callId":"${id("a")}","result":${"[".repeat(100_000)}${"]".repeat(100_000)}}`);
    expect(await laptop.next("error")).toMatchObject({ code: "invalid_request", callId: id("a") });
  });

  test("with the store away a result is not acknowledged, and is taken when it is sent again", async () => {
    const { rows, device } = await startDeviceSockets();
    rows.add({ callId: id("a") });
    const laptop = await device();
    await laptop.next("tool.call.request");
    rows.isAway = true;
    laptop.send({ type: "tool.result", callId: id("a"), result: 1 });
    expect(await laptop.next("error")).toMatchObject({ code: "unavailable", callId: id("a") });
    rows.isAway = false;
    laptop.send({ type: "tool.result", callId: id("a"), result: 1 });
    expect(await laptop.next("tool.result.ack")).toMatchObject({ duplicate: false });
  });

  test("a call settled otherwise is canceled on the device", async () => {
    const { rows, bell, device } = await startDeviceSockets();
    const row = rows.add({ callId: id("a") });
    const laptop = await device();
    await laptop.next("tool.call.request");
    row.status = "expired";
    bell.ring({ about: "device", tenantId: "tenant-1", deviceKey: null });
    expect(await laptop.next("tool.call.cancel")).toEqual({ type: "tool.call.cancel", callId: id("a") });
  });

  test("a device gets no more calls at once than it can take, and the next as soon as it has answered", async () => {
    const { rows, device } = await startDeviceSockets();
    for (const name of ["a", "b", "c"]) rows.add({ callId: id(name) });
    const laptop = await device("laptop", { maxInFlight: 2 });
    await laptop.next("tool.call.request", 2);
    expect(rows.calls.get(id("c"))?.sentTo).toBeNull();
    laptop.send({ type: "tool.result", callId: id("a"), result: 1 });
    expect(await laptop.next("tool.call.request", 3)).toMatchObject({ callId: id("c") });
  });

  test("a device with its hands full of calls that were settled otherwise is told so and gets on, however many wait", async () => {
    const { rows, bell, device } = await startDeviceSockets();
    for (const name of ["a", "b"]) rows.add({ callId: id(name) });
    const laptop = await device("laptop", { maxInFlight: 2 });
    await laptop.next("tool.call.request", 2);
    for (let count = 0; count < 2 * OPEN_CALLS_PER_SESSION_MAX; count += 1) rows.add({ callId: id(`w${count}`) });
    for (const name of ["a", "b"]) rows.add({ callId: id(name), status: "expired" });
    bell.ring({ about: "device", tenantId: "tenant-1", deviceKey: null });
    await laptop.next("tool.call.request", 4);
    expect(laptop.all("tool.call.cancel")).toMatchObject([{ callId: id("a") }, { callId: id("b") }]);
    expect(laptop.all("tool.call.request").slice(2)).toMatchObject([{ callId: id("w0") }, { callId: id("w1") }]);
  });

  test("a hand is free once the result is taken, not when it is said: a refused one would be one call too many", async () => {
    const { rows, bell, device } = await startDeviceSockets();
    rows.add({ callId: id("a") });
    const laptop = await device("laptop", { maxInFlight: 1 });
    const phone = await device("phone");
    await laptop.next("tool.call.request");
    const asked = Promise.withResolvers<void>();
    const held = Promise.withResolvers<void>();
    rows.beforeResult = () => {
      asked.resolve();
      return held.promise;
    };
    laptop.send({ type: "tool.result", callId: id("a"), result: 1 });
    await asked.promise;
    rows.add({ callId: id("b") });
    rows.add({ callId: id("seen"), recipientKey: "phone" });
    bell.ring({ about: "device", tenantId: "tenant-1", deviceKey: null });
    await phone.next("tool.call.request");
    const sentMeanwhile = rows.calls.get(id("b"))?.sentTo;
    held.resolve();
    expect(sentMeanwhile).toBeNull();
    expect(await laptop.next("tool.call.request", 2)).toMatchObject({ callId: id("b") });
  });

  test("after a reconnect the same boot gets its call again; another boot makes it lost, and it is not sent", async () => {
    const { rows, device } = await startDeviceSockets();
    rows.add({ callId: id("a") });
    const first = await device();
    await first.next("tool.call.request");
    first.socket.terminate();
    const second = await device();
    expect(await second.next("tool.call.request")).toMatchObject({ callId: id("a"), attempt: 1 });
    second.socket.close();
    const reborn = await device("laptop", { bootId: "boot-2" });
    reborn.send({ type: "ping" });
    await reborn.next("pong");
    await expect.poll(() => rows.lost).toContain(`${id("a")} 1`);
    expect(reborn.all("tool.call.request")).toEqual([]);
  });

  test("what another tenant has open never reaches a device of the same key", async () => {
    const { rows, clock, url } = await startDeviceSockets();
    rows.add({ callId: id("theirs"), tenantId: "tenant-2" });
    const laptop = await new RawDevice(url).register({ token: "good", deviceKey: "laptop" });
    clock.advance(1000);
    const other = await new RawDevice(url).register({ token: "good tenant-2", deviceKey: "laptop" });
    expect(await other.next("tool.call.request")).toMatchObject({ callId: id("theirs") });
    expect(laptop.all("tool.call.request")).toEqual([]);
  });
});

describe("progress", () => {
  test("goes to the run's watchers for a call in hand, and nowhere for any other", async () => {
    const { rows, device, progress } = await startDeviceSockets();
    rows.add({ callId: id("a") });
    const laptop = await device();
    await laptop.next("tool.call.request");
    laptop.send({ type: "tool.progress", callId: id("b"), data: 1 });
    laptop.send({ type: "tool.progress", callId: id("a"), data: { done: 0.5 } });
    laptop.send({ type: "tool.result", callId: id("a"), result: 1 });
    laptop.send({ type: "tool.progress", callId: id("a"), data: { done: 0.9 } });
    laptop.send({ type: "ping" });
    await laptop.next("pong");
    expect(progress.map((json) => JSON.parse(json) as unknown)).toMatchObject([
      { runId: "run-1", type: "tool.progress", data: { callId: id("a"), data: { done: 0.5 } } },
    ]);
  });

  test("a flood of it is thinned out", async () => {
    const { rows, device, progress } = await startDeviceSockets();
    rows.add({ callId: id("a") });
    const laptop = await device();
    await laptop.next("tool.call.request");
    for (let count = 0; count < 500; count += 1) laptop.send({ type: "tool.progress", callId: id("a"), data: count });
    laptop.send({ type: "ping" });
    await laptop.next("pong");
    expect(progress).toHaveLength(DEVICE_PROGRESS_PER_SECOND_MAX);
  });
});

describe("the end of a session", () => {
  test("a second connection with the same key replaces the first", async () => {
    const { device, rows } = await startDeviceSockets();
    const first = await device();
    const second = await device();
    expect(await first.closed()).toMatchObject({ code: 4409 });
    expect(second.closedWith).toBeNull();
    expect(rows.sessions.map(({ reason }) => reason)).toEqual(["replaced", null]);
  });

  test("a session that was given up although its device lives is told to connect again, not to stop", async () => {
    const { device, rows, clock } = await startDeviceSockets();
    const laptop = await device();
    for (const session of rows.sessions) session.reason = "gateway_dead";
    clock.advance(1000);
    expect(await laptop.closed()).toMatchObject({ code: 1012 });
  });

  test("a device that answers no ping is dropped, one that does stays", async () => {
    const { device, clock, rows } = await startDeviceSockets();
    const alive = await device("phone");
    const dead = await device();
    dead.socket.pause();
    const pinged = new Promise<void>((resolve) => alive.socket.once("ping", () => resolve()));
    clock.advance(DEVICE_UNHEARD_MAX_MS - 1000);
    await pinged;
    alive.send({ type: "ping" });
    await alive.next("pong");
    clock.advance(1000);
    await expect.poll(() => rows.sessions.map(({ reason }) => reason)).toEqual([null, "heartbeat_missed"]);
    dead.socket.resume();
    expect(await dead.closed()).toMatchObject({ code: 4408 });
    expect(alive.closedWith).toBeNull();
  });

  test("a gateway that was frozen does not take that for the silence of its devices", async () => {
    const { device, clock, rows } = await startDeviceSockets();
    const laptop = await device();
    clock.jump(10 * DEVICE_UNHEARD_MAX_MS);
    laptop.send({ type: "ping" });
    await laptop.next("pong");
    expect(rows.sessions[0]?.reason).toBeNull();
  });

  test("a worn-out token ends the connection; one renewed in time does not", async () => {
    const { url, clock } = await startDeviceSockets();
    const careless = await new RawDevice(url).register({ token: "good tenant-1 5000", deviceKey: "phone" });
    const careful = await new RawDevice(url).register({ token: "good tenant-1 5000", deviceKey: "laptop" });
    careful.send({ type: "auth.refresh", token: "good tenant-1 60000" });
    careful.send({ type: "ping" });
    await careful.next("pong");
    clock.advance(6000);
    expect(await careless.closed()).toMatchObject({ code: 4401 });
    careful.send({ type: "ping" });
    await careful.next("pong", 2);
    careful.send({ type: "auth.refresh", token: "good tenant-2" });
    expect(await careful.closed()).toMatchObject({ code: 4401 });
  });

  test("garbage after registration is answered with an error each time, and ended when it does not stop", async () => {
    const { device } = await startDeviceSockets();
    const laptop = await device();
    laptop.send("{");
    expect(await laptop.next("error")).toMatchObject({ code: "invalid_request" });
    laptop.send({ type: "ping" });
    await laptop.next("pong");
    for (let count = 0; count < DEVICE_FAULTS_MAX; count += 1) laptop.send({ type: "nonsense" });
    expect(await laptop.closed()).toMatchObject({ code: 4400 });
  });

  test("a message above what the server reads ends the connection, not the gateway", async () => {
    const { device } = await startDeviceSockets();
    const laptop = await device();
    laptop.send("x".repeat(2 * 1024 * 1024));
    expect(await laptop.closed()).toMatchObject({ code: 1009 });
    expect((await device("phone")).heard[0]?.type).toBe("device.registered");
  });

  test("messages wait in order, and in bounded number, while the store is slow", async () => {
    const { device, rows } = await startDeviceSockets();
    const ids = Array.from({ length: 60 }, (_, index) => id(String(index)));
    for (const callId of ids) rows.add({ callId });
    const laptop = await device("laptop", { maxInFlight: 60 });
    await laptop.next("tool.call.request", 60);
    const { promise, resolve } = Promise.withResolvers<void>();
    rows.beforeResult = () => promise;
    for (const callId of ids) laptop.send({ type: "tool.result", callId, result: "x".repeat(100_000) });
    await expect.poll(() => laptop.socket.bufferedAmount).toBeGreaterThan(0);
    resolve();
    await laptop.next("tool.result.ack", 60);
    expect(laptop.all("tool.result.ack").map(({ callId }) => callId)).toEqual(ids);
  });

  test("a session that the store could not be told of is ended when it can", async () => {
    const { device, rows, clock } = await startDeviceSockets();
    const laptop = await device();
    rows.isAway = true;
    laptop.socket.terminate();
    await laptop.closed();
    clock.advance(1000);
    rows.isAway = false;
    clock.advance(1000);
    await expect
      .poll(() => {
        clock.advance(1000);
        return rows.sessions[0]?.reason;
      })
      .toBe("disconnected");
  });

  test("a gateway that stops tells its devices to connect elsewhere, ends their sessions and takes no new ones", async () => {
    const { device, sockets, rows, url } = await startDeviceSockets();
    const laptop = await device();
    const stranger = await new RawDevice(url).open();
    await sockets.close();
    expect(await laptop.closed()).toMatchObject({ code: 1012 });
    expect(await stranger.closed()).toMatchObject({ code: 1012 });
    expect(rows.sessions[0]?.reason).toBe("gateway_stopped");
    const late = new RawDevice(url);
    await late.closed();
    expect(late.socket.readyState).toBe(WebSocket.CLOSED);
  });
});
