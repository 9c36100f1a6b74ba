import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import { expect, test } from "vitest";
import { WebSocket } from "ws";
import { startDeviceSockets } from "../../../test/support/device-sockets.ts";
import { callIdOf as id } from "../../../test/support/device-world.ts";
import { RawDevice } from "../../../test/support/raw-device.ts";
import {
  DEVICE_FAULTS_MAX,
  DEVICE_REGISTER_BYTES_MAX,
  DEVICE_REGISTER_TIMEOUT_MS,
  DEVICE_MESSAGE_RATE,
  DEVICE_UNHEARD_MAX_MS,
  SOCKET_STRANGERS_PER_ADDRESS_MAX,
} from "../limits.ts";

/** Asks for a WebSocket and returns the response that refuses it. */
async function refusedUpgrade(url: string, protocol: string) {
  const asked = request(url.replace("ws:", "http:"), {
    headers: {
      connection: "Upgrade",
      upgrade: "websocket",
      "sec-websocket-version": "13",
      "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
      "sec-websocket-protocol": protocol,
    },
  });
  asked.end();
  const [response] = (await once(asked, "response")) as [IncomingMessage];
  const body = JSON.parse((await response.toArray()).join("")) as unknown;
  return { status: response.statusCode, type: response.headers["content-type"], body };
}

test("a call goes to a device and its result comes back, over a real socket", async () => {
  const { rows, device } = await startDeviceSockets();
  rows.add({ callId: id("a") });
  const laptop = await device();
  expect(laptop.socket.protocol).toBe("hsafa.device.v1");
  expect(laptop.heard[0]).toMatchObject({ type: "device.registered", deviceId: "device of laptop" });
  expect(await laptop.next("tool.call.request")).toMatchObject({ callId: id("a"), toolName: "read_file" });
  laptop.send({ type: "tool.result", callId: id("a"), result: { lines: 3 } });
  expect(await laptop.next("tool.result.ack")).toMatchObject({ callId: id("a"), duplicate: false });
});

test("a client that offers no subprotocol is served, one that offers only others is refused", async () => {
  const { url } = await startDeviceSockets();
  const plain = await new RawDevice(url, []).register({ token: "good", deviceKey: "laptop" });
  expect(plain.heard[0]?.type).toBe("device.registered");
  expect(await refusedUpgrade(url, "mqtt, amqp")).toMatchObject({
    status: 400,
    type: "application/problem+json",
    body: { code: "invalid_request", detail: "The only subprotocol spoken here is hsafa.device.v1." },
  });
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

test("with the store away a device that registers is told to come back", async () => {
  const { url, rows } = await startDeviceSockets();
  rows.isAway = true;
  const early = await new RawDevice(url).register({ token: "good", deviceKey: "laptop" });
  expect(await early.closed()).toMatchObject({ code: 1012 });
  expect(early.heard).toMatchObject([{ type: "error", code: "unavailable" }]);
});

test("a result nested too deep is refused by the name of its call", async () => {
  const { rows, device } = await startDeviceSockets();
  rows.add({ callId: id("a") });
  const laptop = await device();
  await laptop.next("tool.call.request");
  laptop.send(`{"type":"tool.result","callId":"${id("a")}","result":${"[".repeat(100_000)}${"]".repeat(100_000)}}`);
  expect(await laptop.next("error")).toMatchObject({ code: "invalid_request", callId: id("a") });
});

test("a second connection with the same key closes the first one for good", async () => {
  const { device } = await startDeviceSockets();
  const first = await device();
  const second = await device();
  expect(await first.closed()).toMatchObject({ code: 4409 });
  expect(second.closedWith).toBeNull();
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
  // The pong to the first ping must not come through later.
  await expect.poll(() => rows.sessions.every(({ isConfirmed }) => isConfirmed)).toBe(true);
  dead.socket.pause();
  const pinged = once(alive.socket, "ping");
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

test("strangers that say nothing hold few places, and the oldest of them gives way; a device is served all the same", async () => {
  const { device, url } = await startDeviceSockets();
  const before = await device("before");
  const strangers = Array.from({ length: SOCKET_STRANGERS_PER_ADDRESS_MAX + 20 }, () => new RawDevice(url));
  await Promise.all(strangers.map((stranger) => stranger.open()));
  const cut = () => strangers.filter(({ closedWith }) => closedWith !== null);
  await expect.poll(() => cut().length).toBe(20);
  const after = await device("after");
  expect(after.all("device.registered")).toHaveLength(1);
  expect([before.closedWith, after.closedWith]).toEqual([null, null]);
  for (const { socket } of strangers) socket.terminate();
});

test("a device that floods the gateway with messages is read at its pace, and all of them are answered in the end", async () => {
  const { device, clock } = await startDeviceSockets();
  const flooding = await device("flooding");
  const count = DEVICE_MESSAGE_RATE.burst + 3 * DEVICE_MESSAGE_RATE.perSecond;
  for (let n = 0; n < count; n += 1) flooding.send({ type: "ping" });
  const answered = () => flooding.all("pong").length;
  await expect.poll(answered, { timeout: 30_000 }).toBeGreaterThanOrEqual(DEVICE_MESSAGE_RATE.burst - 1);
  const quiet = await device("quiet");
  quiet.send({ type: "ping" });
  await quiet.next("pong");
  expect(answered()).toBeLessThan(count);
  const later = (): number => {
    clock.advance(500);
    return answered();
  };
  await expect.poll(later, { timeout: 30_000 }).toBe(count);
});

test("a device whose connection is reset is disconnected in the store", async () => {
  const { device, rows } = await startDeviceSockets();
  const laptop = await device();
  laptop.socket.terminate();
  await expect.poll(() => rows.sessions[0]?.reason).toBe("disconnected");
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
  expect(await refusedUpgrade(url, "hsafa.device.v1")).toMatchObject({
    status: 503,
    type: "application/problem+json",
    body: { code: "unavailable", detail: "This gateway takes no more devices; connect again." },
  });
});
