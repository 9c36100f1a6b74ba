import { createClient, createDevice } from "@hsafa/client";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { type CuttableProxy, startCuttableProxy } from "../support/cuttable-proxy.ts";
import { startTestGateway, type TestGateway } from "../support/test-gateway.ts";

/** What is promised, in milliseconds. */
const NOTICED_MS = 20_000;

describe("a dead line: packets vanish, and nobody says that the connection is closed", () => {
  let gateway: TestGateway;
  let proxy: CuttableProxy;
  beforeAll(async () => {
    gateway = await startTestGateway();
    proxy = await startCuttableProxy(gateway.url);
    const script = [[{ wait: 600_000 }]];
    await gateway.pushAgent({
      name: "silent",
      model: "demo/script",
      settings: { providerOptions: { demo: { script } } },
      modelIdleTimeoutMs: 600_000,
    });
  });
  afterAll(async () => {
    await proxy.close();
    await gateway.close();
  });

  test("is noticed within 20 s by the gateway, by a device and by a stream's reader, and all of them come back", async () => {
    const client = createClient({ url: proxy.url, token: gateway.apiKey });
    const states: string[] = [];
    const device = createDevice({
      url: proxy.url,
      token: gateway.apiKey,
      deviceKey: "on-a-dead-line",
      tools: {},
      onState: ({ kind }) => states.push(kind),
    });
    const { deviceId, sessionId } = await device.whenOnline();
    const { runId } = await gateway.startRun({ agent: "silent", input: "go" });
    const watcher = new WebSocket(`${proxy.url.replace("http", "ws")}/api/watch`);
    await new Promise((resolve) => watcher.once("open", resolve));
    watcher.send(JSON.stringify({ type: "auth", token: gateway.apiKey }));
    watcher.send(JSON.stringify({ type: "subscribe", runId }));
    await new Promise<void>((resolve) => {
      watcher.on("message", (data: Buffer) => {
        if (data.includes('"subscribed"')) resolve();
      });
    });
    const cuts: number[] = [];
    const stop = new AbortController();
    const reading = (async () => {
      for await (const _ of client.runs.stream(runId, {
        signal: stop.signal,
        onCut: () => cuts.push(performance.now()),
      }));
    })().catch(() => {});
    const watchers = async (): Promise<number> => {
      const text = await (await fetch(`${gateway.url}/metrics`)).text();
      return Number(/^hsafa_watchers (\d+)/m.exec(text)?.[1]);
    };
    await expect.poll(watchers).toBe(2);

    proxy.freeze();
    const frozenAt = performance.now();
    const within = { timeout: NOTICED_MS, interval: 100 };
    const session = async () =>
      (await createClient({ url: gateway.url, token: gateway.apiKey }).devices.get(deviceId)).sessions.find(
        ({ id }) => id === sessionId,
      );
    await expect.poll(async () => (await session())?.reason, within).toBe("heartbeat_missed");
    await expect.poll(() => states.filter((kind) => kind === "waiting").length, within).toBe(1);
    await expect.poll(() => cuts.length, within).toBeGreaterThan(0);
    // The stream's own watcher is the client's to give up; the watch socket is the gateway's.
    await expect.poll(watchers, within).toBeLessThan(2);
    expect(performance.now() - frozenAt).toBeLessThan(NOTICED_MS);

    proxy.thaw();
    await expect.poll(() => device.state.kind, { timeout: 30_000 }).toBe("online");
    // The stream's reader is back. Nobody brings the plain watch socket back.
    await expect.poll(watchers, { timeout: 30_000 }).toBe(1);
    stop.abort();
    await reading;
    device.close();
    watcher.terminate();
  }, 120_000);
});
