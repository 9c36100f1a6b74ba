import { arch, availableParallelism, platform, totalmem } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import type { DeviceTool } from "@hsafa/client";
import type { JsonObject, JsonValue } from "@hsafa/protocol";

/** Harmless tools that show what a device does. `hsafa device` offers them when no others are given. */
export const sampleTools: Readonly<Record<string, DeviceTool>> = {
  get_time: {
    description: "The date and time where this device is",
    inputSchema: { type: "object", properties: {}, additionalProperties: false },
    execute: () => {
      const now = new Date();
      return { iso: now.toISOString(), local: now.toString() };
    },
  },
  describe_machine: {
    description: "What kind of machine this device is",
    inputSchema: { type: "object", properties: {}, additionalProperties: false },
    execute: () => ({
      platform: platform(),
      architecture: arch(),
      processors: availableParallelism(),
      memoryGiB: Math.round(totalmem() / 2 ** 30),
      runtime: `Node ${process.version}`,
    }),
  },
  roll_dice: {
    description: "Rolls dice",
    inputSchema: objectOf({
      count: { type: "integer", minimum: 1, maximum: 100, default: 2 },
      sides: { type: "integer", minimum: 2, maximum: 1000, default: 6 },
    }),
    execute: (args) => {
      const { count = 2, sides = 6 } = args as { count?: number; sides?: number };
      return Array.from({ length: count }, () => 1 + Math.floor(Math.random() * sides));
    },
  },
  count_down: {
    description: "Takes a while, and tells how far it is: to see progress and cancellation",
    inputSchema: objectOf({ seconds: { type: "integer", minimum: 1, maximum: 60, default: 5 } }),
    execute: async (args, { progress, signal }) => {
      const { seconds = 5 } = args as { seconds?: number };
      for (let left = seconds; left > 0; left -= 1) {
        progress({ secondsLeft: left });
        await sleep(1000, null, { signal });
      }
      return "done";
    },
  },
};

function objectOf(properties: Record<string, JsonValue>): JsonObject {
  return { type: "object", properties, additionalProperties: false };
}
