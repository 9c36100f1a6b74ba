import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";
import { createDeviceSocketServer } from "../../src/edge/device/device-socket-server.ts";
import type { SocketServer } from "../../src/edge/socket/socket-server.ts";
import { type DeviceWorld, startDeviceWorld } from "./device-world.ts";
import { RawDevice } from "./raw-device.ts";
import { systemClock } from "../../src/adapters/system/system-clock.ts";
import { LoopTurns } from "../../src/runtime/loop-turns.ts";

/** A device server on real sockets. */
export interface DeviceSockets extends DeviceWorld {
  readonly sockets: SocketServer;
  readonly url: string;
  /** Connects a device and registers it. */
  readonly device: (deviceKey?: string, more?: Record<string, unknown>) => Promise<RawDevice>;
}

/** Starts one; it is closed at the end of the test. */
export async function startDeviceSockets(): Promise<DeviceSockets> {
  const world = startDeviceWorld();
  const sockets = createDeviceSocketServer({
    ...world,
    turns: new LoopTurns(systemClock),
    addressOf: ({ socket }) => socket.remoteAddress ?? "",
  });
  const server = createServer();
  server.on("upgrade", (request, socket, head) => sockets.upgrade(request, socket, head));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(async () => {
    await sockets.close();
    await new Promise((resolve) => server.close(resolve));
  });
  const url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}/devices/connect`;
  const device = (deviceKey = "laptop", more: Record<string, unknown> = {}): Promise<RawDevice> =>
    new RawDevice(url).register({ token: "good", deviceKey, ...more });
  return { ...world, sockets, url, device };
}
