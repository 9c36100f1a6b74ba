import { expect, test } from "vitest";
import { echo, gated, startDeviceWorld } from "../test/device-world.ts";
import { type DeviceStorage, openDeviceMemory } from "./device-memory.ts";
import { ACKNOWLEDGED_MAX, ACKNOWLEDGED_TTL_MS } from "./limits.ts";

function memoryStorage(): DeviceStorage & { readonly items: Map<string, string>; isBroken: boolean } {
  const items = new Map<string, string>();
  return {
    items,
    isBroken: false,
    getItem: (key) => items.get(key) ?? null,
    async setItem(key, value) {
      if (this.isBroken) throw new Error("quota exceeded");
      items.set(key, value);
    },
  };
}

test("a device with a storage keeps its boot id and its results; a call that was cut short is of unknown outcome, and is not begun again", async () => {
  const storage = memoryStorage();
  const { server, start } = await startDeviceWorld({ storage });
  const slow = gated();
  const before = start({ tools: { slow: slow.tool, echo: echo() } });
  const first = await server.connection();
  const { bootId } = await first.accept();
  first.request("done");
  first.request("cut", { toolName: "slow" });
  await first.next("tool.result");
  before.close();

  const after = echo();
  start({ tools: { echo: after, slow: after } });
  const second = await server.connection(2);
  expect((await second.accept()).bootId).toBe(bootId);
  await second.next("tool.result", 2);
  second.request("done");
  second.request("cut", { toolName: "slow" });
  await second.next("tool.result", 4);
  const answers = second
    .all("tool.result")
    .map(({ callId, result, error }) => `${callId} ${error?.code ?? JSON.stringify(result)}`);
  expect(new Set(answers)).toEqual(new Set(['done "hello"', "cut outcome_unknown"]));
  expect(after.count).toBe(0);
});

test("a device does not begin a call that it could not note", async () => {
  const storage = memoryStorage();
  const errors: unknown[] = [];
  const tool = echo();
  const { server, start } = await startDeviceWorld({
    storage,
    tools: { echo: tool },
    onError: (error) => errors.push(error),
  });
  start();
  const connection = await server.connection();
  await connection.accept();
  storage.isBroken = true;
  connection.request("a");
  expect((await connection.next("tool.result")).error?.code).toBe("device_storage_failed");
  expect(tool.count).toBe(0);
  expect(errors.length).toBeGreaterThan(0);
});

test("a storage that holds something else counts as a lost memory", async () => {
  const storage = memoryStorage();
  storage.items.set("hsafa.device.laptop", "{]");
  const { server, start } = await startDeviceWorld({ storage });
  start();
  expect((await (await server.connection()).accept()).bootId).not.toBe("");
});

test("an answer that is not acknowledged is kept whatever comes, and acknowledged ones are dropped oldest first", async () => {
  const memory = await openDeviceMemory({ deviceKey: "laptop", storage: undefined, newBootId: () => "boot" });
  await memory.finish("waiting", "answer");
  const callIds = Array.from({ length: ACKNOWLEDGED_MAX + 1 }, (_, index) => `call-${index}`);
  for (const callId of callIds) {
    await memory.finish(callId, "answer");
    memory.acknowledge(callId, 0);
  }
  expect(callIds.filter((callId) => memory.get(callId) === undefined)).toEqual(["call-0"]);

  await memory.finish("late", "answer");
  memory.acknowledge("late", ACKNOWLEDGED_TTL_MS + 1);
  expect(callIds.filter((callId) => memory.get(callId) !== undefined)).toEqual([]);
  expect(memory.unacknowledged()).toEqual([{ callId: "waiting", answer: "answer" }]);
});

test("a slow storage gets one write at a time, and those that come meanwhile share the next", async () => {
  const writes: string[] = [];
  const gates: (() => void)[] = [];
  const storage: DeviceStorage = {
    getItem: () => null,
    async setItem(_key, value) {
      writes.push(value);
      await new Promise<void>((resolve) => gates.push(resolve));
    },
  };
  const opening = openDeviceMemory({ deviceKey: "laptop", storage, newBootId: () => "boot" });
  await expect.poll(() => gates.length).toBe(1);
  gates[0]?.();
  const memory = await opening;

  const first = memory.begin("a");
  const others = Promise.all([memory.begin("b"), memory.begin("c")]);
  expect(writes).toHaveLength(2);
  gates[1]?.();
  await first;
  await expect.poll(() => writes.length).toBe(3);
  expect(writes[2]).toContain('"b"');
  expect(writes[2]).toContain('"c"');
  gates[2]?.();
  await others;
  expect(writes).toHaveLength(3);
});
