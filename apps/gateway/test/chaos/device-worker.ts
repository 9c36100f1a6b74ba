/** A process of devices, which offer both kinds of tools and note every execution on disk before they do it, so that a kill cannot hide one. */
import { appendFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { createDevice, type DeviceTool } from "@hsafa/client";
import type { ToDeviceWorker } from "./messages.ts";

process.once("message", (order: ToDeviceWorker) => {
  const { url, apiKey, deviceKeys, executionsFile, workMaxMs } = order;
  const tool = (name: string): DeviceTool => ({
    inputSchema: { type: "object" },
    async execute(args, { callId, progress }) {
      appendFileSync(executionsFile, `${callId} ${name}\n`);
      progress("begun");
      await sleep(Math.random() * workMaxMs);
      return { tool: name, args };
    },
  });
  for (const deviceKey of deviceKeys) {
    createDevice({
      url,
      token: apiKey,
      deviceKey,
      labels: { pool: "chaos" },
      tools: { device_once: tool("device_once"), device_again: tool("device_again") },
    });
  }
  process.send?.("connecting");
});
// Whoever started this process is gone.
process.on("disconnect", () => process.exit(0));
