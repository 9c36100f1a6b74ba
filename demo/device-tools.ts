import { arch, availableParallelism, platform } from "node:os";
import type { DeviceTool } from "@hsafa/client";

/**
 * The tools of the demo's device: `hsafa device --tools demo/device-tools.ts`. The process id in the result shows which
 * process executed the tool.
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
