/**
 * A gateway that tells what it holds. It answers each line on its standard input with a line of JSON: what is left
 * after a collection of garbage. Started with `--expose-gc`. `HSAFA_TEST_LIVE_LOG_TTL_MS` shortens how long the live
 * log keeps a run. `HSAFA_TEST_LEAK_BYTES` plants a leak: so many bytes stay for each request.
 */
import { subscribe } from "node:diagnostics_channel";
import { createInterface } from "node:readline";
import { readSettings } from "../../src/config.ts";
import { startGateway } from "../../src/gateway.ts";
import type { Held } from "./measured-process.ts";

const COLLECTIONS = 3;
const { HSAFA_TEST_LIVE_LOG_TTL_MS: liveLogTtlMs, HSAFA_TEST_LEAK_BYTES: leakBytes = "0" } = process.env;

const leaked: Buffer[] = [];
if (leakBytes !== "0") subscribe("http.server.request.start", () => leaked.push(Buffer.alloc(Number(leakBytes), 1)));

const gateway = await startGateway(readSettings(), {
  logLevel: "error",
  ...(liveLogTtlMs === undefined ? {} : { liveLogTtlMs: Number(liveLogTtlMs) }),
});
process.stdout.write(`listening on ${gateway.url}\n`);
for await (const line of createInterface({ input: process.stdin })) {
  if (line === "end") break;
  for (let count = 0; count < COLLECTIONS; count += 1) {
    globalThis.gc?.();
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
  process.stdout.write(`${JSON.stringify(held())}\n`);
}
await gateway.close();
process.exit(0);

function held(): Held {
  const { heapUsed, external, arrayBuffers, rss } = process.memoryUsage();
  const { user, system } = process.cpuUsage();
  let [sockets, timers, handles] = [0, 0, 0];
  for (const name of process.getActiveResourcesInfo()) {
    if (name === "Timeout" || name === "Immediate") timers += 1;
    else handles += 1;
    if (name === "TCPSocketWrap") sockets += 1;
  }
  return { heapUsed, external, arrayBuffers, rss, handles, sockets, timers, cpuMs: (user + system) / 1000 };
}
