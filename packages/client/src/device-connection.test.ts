import type { GatewayMessage } from "@hsafa/protocol";
import { expect, onTestFinished, test, vi } from "vitest";
import { startDeviceWorld } from "../test/device-world.ts";
import type { WebSocketLike } from "./client-socket.ts";
import { createDevice } from "./device.ts";

test("a gateway that accepts a device and then says nothing is left", async () => {
  const { server, start } = await startDeviceWorld();
  start();
  const first = await server.connection();
  await first.accept(20);
  await first.next("ping", 2);
  await (await server.connection(2)).accept();
});

test("a gateway that answers pings is kept, although it says nothing else", async () => {
  const { server, start } = await startDeviceWorld();
  start();
  const connection = await server.connection();
  connection.socket.on("message", (data: Buffer) => {
    if (data.toString("utf8").includes('"ping"')) connection.send({ type: "pong" });
  });
  await connection.accept(20);
  await connection.next("ping", 10);
  expect(server.connections).toHaveLength(1);
});

test("a token about to expire is replaced on the open connection", async () => {
  const { server, start } = await startDeviceWorld();
  const jwt = (lifetimeMs: number, name: string): string => {
    const exp = (Date.now() + lifetimeMs) / 1000;
    return `x.${Buffer.from(JSON.stringify({ exp, name })).toString("base64url")}.x`;
  };
  let asked = 0;
  start({ token: () => jwt((asked += 1) === 1 ? 1000 : 600_000, `${asked}`) });
  const connection = await server.connection();
  const { token } = await connection.accept();
  expect((await connection.next("auth.refresh")).token).not.toBe(token);
  expect(server.connections).toHaveLength(1);
});

test("a device that is closed by its own onState leaves no timer behind", async () => {
  vi.useFakeTimers();
  onTestFinished(() => {
    vi.useRealTimers();
  });
  const sockets: FakeSocket[] = [];
  class FakeSocket implements WebSocketLike {
    readonly readyState = 1;
    readonly listeners = new Map<string, (event: { readonly type: string; readonly data?: unknown }) => void>();
    constructor() {
      sockets.push(this);
    }
    addEventListener(
      type: string,
      listener: (event: { readonly type: string; readonly data?: unknown }) => void,
    ): void {
      this.listeners.set(type, listener);
    }
    send(): void {}
    close(): void {}
  }
  const device = createDevice({
    url: "http://gateway",
    token: "key",
    deviceKey: "laptop",
    tools: {},
    WebSocket: FakeSocket,
    onState: ({ kind }) => {
      if (kind === "online") device.close();
    },
  });
  await vi.advanceTimersByTimeAsync(0);
  const registered: GatewayMessage = { type: "device.registered", deviceId: "d", sessionId: "s", heartbeatMs: 10_000 };
  sockets[0]?.listeners.get("message")?.({ type: "message", data: JSON.stringify(registered) });
  expect(await device.stopped).toEqual({ kind: "closed" });
  expect(vi.getTimerCount()).toBe(0);
});
