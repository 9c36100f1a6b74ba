import { randomUUID } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { isTerminalStatus, type JsonValue } from "@hsafa/protocol";
import type { DeviceCase } from "./device-case.ts";
import { openDeviceRelay } from "./device-relay.ts";
import { judgeDeviceCase, type SeenDevice } from "./judge-device-case.ts";
import { REGISTER_MAX_MS, RUN_MAX_MS, SETTLE_MAX_MS } from "./limits.ts";
import type { LiveGateway } from "./live-gateway.ts";
import { startProgram, type TriedProgram } from "./started-program.ts";
import { until } from "./until.ts";

const ANY = { type: "object" } as const;
/** The tools that a device offers to be tried. */
const TOOL_NAMES = ["echo", "fail", "count", "wait", "meet", "progress", "large", "length"];

/** Plays a case with a device program and a live gateway. Returns what was wrong, a sentence each. */
export async function playDeviceCase(
  gateway: LiveGateway,
  program: TriedProgram,
  device: DeviceCase,
): Promise<string[]> {
  const id = randomUUID();
  const [deviceKey, agent] = [`conformance-${id}`, `conformance-${id}`];
  // A device may have taken the call before the start is answered.
  const starting = Promise.withResolvers<string>();
  const failures: string[] = [];
  const relay = await openDeviceRelay({
    gatewayUrl: gateway.url,
    faults: device.faults ?? [],
    cancelRun: () => {
      starting.promise.then(gateway.cancelRun).catch((error: unknown) => failures.push(String(error)));
    },
  });
  const child = startProgram(program, {
    HSAFA_URL: relay.url,
    HSAFA_TOKEN: gateway.credential,
    HSAFA_DEVICE_KEY: deviceKey,
  });
  try {
    await gateway.pushAgent({
      name: agent,
      model: "demo/script",
      tools: TOOL_NAMES.map((name) => ({ name, device: { key: deviceKey }, inputSchema: ANY, timeoutMs: RUN_MAX_MS })),
      settings: { providerOptions: { demo: { script: device.script as JsonValue[] } } },
    });
    const isOnline = await until(
      () => (relay.connections.some(({ bootId }) => bootId !== null) || child.hasEnded() ? true : null),
      REGISTER_MAX_MS,
    );
    if (isOnline === null || child.hasEnded()) return [`the device did not register: ${child.complaints()}`];
    const started = await gateway.startRun({ agent, input: "go" });
    starting.resolve(started);
    const run = await until(async () => {
      const found = await gateway.findRun(started);
      return isTerminalStatus(found.status) ? found : null;
    }, RUN_MAX_MS);
    if (run === null) {
      await gateway.cancelRun(started);
      return [`the run did not end within ${RUN_MAX_MS} ms: ${child.complaints()}`];
    }
    const calls = await gateway.readCalls(started);
    const seen = (): SeenDevice => ({
      status: run.status,
      calls,
      connections: relay.connections,
      sent: relay.sent,
      now: performance.now(),
    });
    if (device.expect.quietForMs !== undefined) await pause(device.expect.quietForMs);
    await until(() => (judgeDeviceCase(device, seen()).length === 0 ? true : null), SETTLE_MAX_MS);
    const missed = (device.faults ?? []).filter((fault) => !relay.passed.has(fault));
    return [
      ...failures,
      ...judgeDeviceCase(device, seen()),
      ...missed.map(({ at }) => `no message came by at ${at.from} ${at.type} ${at.nth ?? 1}`),
    ];
  } finally {
    await child.stop();
    await relay.close();
  }
}
