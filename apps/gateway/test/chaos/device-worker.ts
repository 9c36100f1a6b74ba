/** A process of devices, which offer all kinds of device tools and note every execution on disk before they do it, so that a kill cannot hide one. */
import { appendFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { createDevice, type DeviceTool } from "@hsafa/client";
import type { ToDeviceWorker } from "./messages.ts";

process.once("message", (order: ToDeviceWorker) => {
  const { url, apiKey, deviceKeys, executionsFile, workMaxMs } = order;
  const tool = (name: string): DeviceTool => ({
    inputSchema: { type: "object" },
    async execute(args, { callId, progress }) {
      appendFileSync(executionsFile, `${callId} ${name} ${Date.now()}\n`);
      progress("begun");
      await sleep(Math.random() * workMaxMs);
      return { tool: name, args };
    },
  });
  const names = ["device_once", "device_again", "device_approved"];
  const tools = Object.fromEntries(names.map((name) => [name, tool(name)]));
  for (const deviceKey of deviceKeys) {
    createDevice({
      url,
      token: apiKey,
      deviceKey,
      labels: { pool: "chaos" },
      tools,
    });
  }
  process.send?.("connecting");
});
// Whoever started this process is gone.
process.on("disconnect", () => process.exit(0));
