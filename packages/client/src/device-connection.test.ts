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

/** Sockets without a network, on virtual time. */
function useFakeSockets() {
  vi.useFakeTimers();
  onTestFinished(() => {
    vi.useRealTimers();
  });
  const sockets: FakeSocket[] = [];
  class FakeSocket implements WebSocketLike {
    readonly readyState = 1;
    readonly sent: string[] = [];
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
    send(text: string): void {
      this.sent.push(text);
    }
    close(): void {}
    says(message: GatewayMessage): void {
      this.listeners.get("message")?.({ type: "message", data: JSON.stringify(message) });
    }
  }
  return { sockets, FakeSocket };
}

const REGISTERED: GatewayMessage = {
  type: "device.registered",
  deviceId: "d",
  sessionId: "s",
  heartbeatMs: 5000,
};

test("a device that is closed by its own onState leaves no timer behind", async () => {
  const { sockets, FakeSocket } = useFakeSockets();
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
  sockets[0]?.says(REGISTERED);
  expect(await device.stopped).toEqual({ kind: "closed" });
  expect(vi.getTimerCount()).toBe(0);
});

test.each([0, 2000, 5000, 12_500, 60_100])(
  "a line that dies after %s ms is noticed within 20 s by the device",
  async (livesMs) => {
    const { sockets, FakeSocket } = useFakeSockets();
    const device = createDevice({ url: "http://g", token: "key", deviceKey: "d", tools: {}, WebSocket: FakeSocket });
    await vi.advanceTimersByTimeAsync(0);
    sockets[0]?.says(REGISTERED);
    let answered = 0;
    for (let at = 0; at < livesMs; at += 100) {
      await vi.advanceTimersByTimeAsync(100);
      const pings = sockets[0]?.sent.filter((text) => text.includes('"ping"')).length ?? 0;
      for (; answered < pings; answered += 1) sockets[0]?.says({ type: "pong" });
    }
    expect(device.state.kind).toBe("online");
    await vi.advanceTimersByTimeAsync(20_000);
    expect(sockets.length).toBeGreaterThan(1);
    device.close();
  },
);
