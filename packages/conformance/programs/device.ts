/** The device of the SDK with the tools of the cases. */
import { setTimeout as pause } from "node:timers/promises";
import { createDevice, type DeviceTool } from "@hsafa/client";

let [executions, present] = [0, 0];
const allArrived = Promise.withResolvers<void>();
const inputSchema = { type: "object" };
type Execute = (args: never, call: Parameters<DeviceTool["execute"]>[1]) => unknown;
const tools: Readonly<Record<string, Execute>> = {
  echo: ({ value }: { value: unknown }) => value,
  fail({ message }: { message: string }) {
    throw new Error(message);
  },
  count() {
    executions += 1;
    return executions;
  },
  async wait({ ms }: { ms: number }, { signal }) {
    await pause(ms, undefined, { signal });
    return ms;
  },
  async meet({ others }: { others: number }) {
    present += 1;
    if (present > others) allArrived.resolve();
    await allArrived.promise;
    return present;
  },
  progress({ times }: { times: number }, call) {
    for (let n = 0; n < times; n += 1) call.progress({ n });
    return times;
  },
  large: ({ length }: { length: number }) => "x".repeat(length),
  length: ({ text }: { text: string }) => text.length,
};

const device = createDevice({
  url: process.env.HSAFA_URL ?? "",
  token: process.env.HSAFA_TOKEN ?? "",
  deviceKey: process.env.HSAFA_DEVICE_KEY ?? "",
  tools: Object.fromEntries(
    Object.entries(tools).map(([name, execute]) => [
      name,
      { description: "A tool of the cases", inputSchema, execute },
    ]),
  ),
});
process.on("SIGTERM", () => device.close());
console.log("the device has stopped:", await device.stopped);
