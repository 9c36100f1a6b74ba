import { arch, availableParallelism, platform } from "node:os";
import type { DeviceTool } from "@hsafa/client";

/**
 * What the demo's device offers, by `hsafa device --tools demo/device-tools.ts`. The process id shows where it was
 * executed.
 */
const tools: Record<string, DeviceTool> = {
  describe_machine: {
    description: "Tells what kind of machine this is",
    inputSchema: { type: "object", properties: { detail: { type: "string" } } },
    execute: () => ({
      platform: platform(),
      architecture: arch(),
      processors: availableParallelism(),
      pid: process.pid,
    }),
  },
};

export default tools;
