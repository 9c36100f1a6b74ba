/**
 * A process of devices with every kind of device tool. They write each execution to disk before it begins, so that a
 * kill cannot hide one. Some keep their memory of results on disk.
 */
import { appendFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { createDevice, type DeviceTool } from "@hsafa/client";
import { diskMemory } from "./disk-memory.ts";
import type { FromDeviceWorker, ToDeviceWorker } from "./messages.ts";

process.once("message", (order: ToDeviceWorker) => {
  const { url, apiKey, devices, executionsFile, workMaxMs } = order;
  const tool = (name: string): DeviceTool => ({
    inputSchema: { type: "object" },
    async execute(args, { callId, progress }) {
      appendFileSync(executionsFile, `${callId} ${name} ${Date.now()}\n`);
      process.send?.("begun" satisfies FromDeviceWorker);
      progress("begun");
      await sleep(Math.random() * workMaxMs);
      return { tool: name, args };
    },
  });
  const names = ["device_once", "device_again", "device_approved"];
  const tools = Object.fromEntries(names.map((name) => [name, tool(name)]));
  for (const { deviceKey, memoryFile } of devices) {
    createDevice({
      url,
      token: apiKey,
      deviceKey,
      labels: { pool: "chaos" },
      tools,
      ...(memoryFile === null ? {} : { storage: diskMemory(memoryFile) }),
    });
  }
});
// The process that started this one is gone.
process.on("disconnect", () => process.exit(0));
