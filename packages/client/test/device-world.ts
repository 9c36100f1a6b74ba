import { onTestFinished } from "vitest";
import { createDevice, type Device } from "../src/device.ts";
import type { DeviceTool } from "../src/device-calls.ts";
import type { DeviceOptions } from "../src/device-options.ts";
import { FakeDeviceServer } from "./fake-device-server.ts";

/** A tool that returns its arguments, and counts how often it is executed. */
export function echo(): DeviceTool & { count: number } {
  return {
    count: 0,
    inputSchema: {},
    execute(args) {
      this.count += 1;
      return args;
    },
  };
}

/** A tool whose calls end when the test says so. `begun` has the signal of each call. */
export function gated(): {
  readonly tool: DeviceTool;
  readonly begun: AbortSignal[];
  readonly finish: (result: unknown) => void;
} {
  const begun: AbortSignal[] = [];
  const { promise, resolve } = Promise.withResolvers<unknown>();
  const tool: DeviceTool = {
    inputSchema: {},
    execute(_args, { signal }) {
      begun.push(signal);
      return promise;
    },
  };
  return { tool, begun, finish: resolve };
}

/** Starts a fake gateway. `start` makes a device that connects to it; both end with the test. */
export async function startDeviceWorld(options: Partial<DeviceOptions> = {}): Promise<{
  readonly server: FakeDeviceServer;
  readonly start: (more?: Partial<DeviceOptions>) => Device;
}> {
  const server = await FakeDeviceServer.start();
  onTestFinished(() => server.close());
  return {
    server,
    start(more = {}) {
      const base: DeviceOptions = { url: server.url, token: "key", deviceKey: "laptop", tools: { echo: echo() } };
      const device = createDevice({ ...base, ...options, ...more });
      onTestFinished(() => device.close());
      return device;
    },
  };
}
