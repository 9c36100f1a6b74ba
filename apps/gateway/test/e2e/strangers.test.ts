import { connect, type Socket } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { WebSocket } from "ws";
import {
  HTTP_STRANGERS_PER_ADDRESS_MAX,
  SOCKET_STRANGERS_MAX,
  SOCKET_STRANGERS_PER_ADDRESS_MAX,
} from "../../src/edge/limits.ts";
import { RawDevice } from "../support/raw-device.ts";
import { startTestGateway, type TestGateway } from "../support/test-gateway.ts";
import { until } from "../support/until.ts";

let gateway: TestGateway;
const opened: { destroy(): void }[] = [];
beforeAll(async () => {
  gateway = await startTestGateway();
});
afterAll(async () => {
  for (const connection of opened) connection.destroy();
  await gateway.close();
});

/** Connects and says nothing. */
async function silent(): Promise<Socket> {
  const socket = connect(Number(new URL(gateway.url).port), "127.0.0.1");
  opened.push(socket);
  socket.on("error", () => {});
  await new Promise<void>((resolve) => socket.once("connect", resolve));
  return socket;
}

/** Opens a WebSocket and says nothing. */
async function silentSocket(path: string): Promise<WebSocket> {
  const socket = new WebSocket(gateway.url.replace("http", "ws") + path);
  opened.push({ destroy: () => socket.terminate() });
  socket.on("error", () => {});
  await new Promise<void>((resolve) => socket.once("open", resolve));
  return socket;
}

async function expectService(): Promise<void> {
  expect((await gateway.call("GET", "/api/runs")).status).toBe(200);
  const url = `${gateway.url.replace("http", "ws")}/devices/connect`;
  const device = await new RawDevice(url).register({ token: gateway.apiKey, deviceKey: "laptop" });
  expect(device.all("device.registered")).toHaveLength(1);
  device.socket.terminate();
  const watch = await silentSocket("/api/watch");
  const answer = new Promise((resolve) =>
    watch.once("message", (data: Buffer) => resolve(JSON.parse(data.toString()))),
  );
  watch.send(JSON.stringify({ type: "auth", token: gateway.apiKey }));
  expect(await answer).toEqual({ type: "authenticated" });
}

test.each(["/devices/connect", "/api/watch"])(
  "silent sockets of one address at %s leave room for whoever has a key, and the oldest of them yield",
  async (path) => {
    const strangers: WebSocket[] = [];
    for (let nth = 0; nth < SOCKET_STRANGERS_MAX + 100; nth += 1) strangers.push(await silentSocket(path));
    await expectService();
    await until("the oldest have yielded", () => {
      const open = strangers.filter(({ readyState }) => readyState === WebSocket.OPEN);
      return open.length <= SOCKET_STRANGERS_PER_ADDRESS_MAX;
    });
  },
);

test("silent connections of one address leave room for whoever has a key, and cost no connection that is known", async () => {
  await expectService();
  const strangers: Socket[] = [];
  for (let nth = 0; nth < HTTP_STRANGERS_PER_ADDRESS_MAX + 100; nth += 1) {
    const socket = await silent();
    strangers.push(socket);
    if (nth % 1000 === 0) await expectService();
  }
  await until("the oldest have yielded", () => strangers.filter(({ closed }) => closed).length >= 100);
  expect(strangers.filter(({ closed }) => !closed).length).toBeGreaterThan(HTTP_STRANGERS_PER_ADDRESS_MAX / 2);
  await expectService();
});
