import { expect, test } from "vitest";
import { callIdOf as id, startDeviceWorld } from "../../test/support/device-world.ts";
import { settled } from "../../test/support/fakes.ts";
import { SocketlessDevice } from "../../test/support/socketless-device.ts";
import { OPEN_CALLS_PER_SESSION_MAX } from "../ports/limits.ts";
import { PAIRING_CODE_LIFE_MS } from "../access/limits.ts";
import { DEVICE_POLL_MS } from "./limits.ts";
import { asTenantId } from "../core/tenant-id.ts";

function start() {
  const world = startDeviceWorld();
  return {
    ...world,
    device: (deviceKey = "laptop", more: object = {}) =>
      new SocketlessDevice(world.devices).register(deviceKey, { ...more }),
    /** Rings for all devices of the tenant. */
    async ring(deviceKey: string | null = null) {
      world.bell.ring({ about: "device", tenantId: asTenantId("tenant-1"), deviceKey });
      await settled();
    },
    async poll() {
      world.clock.advance(DEVICE_POLL_MS);
      await settled();
    },
  };
}

test("a call that waited for its device is sent when it connects, and another at the ring", async () => {
  const { rows, ring, device } = start();
  rows.add({ callId: id("waited") });
  const laptop = await device();
  expect(laptop.all("tool.call.request")).toEqual([
    {
      type: "tool.call.request",
      callId: id("waited"),
      runId: "run-1",
      toolName: "read_file",
      args: { path: "/tmp" },
      attempt: 1,
      deadline: null,
    },
  ]);
  rows.add({ callId: id("rung") });
  await ring("laptop");
  expect(laptop.asked).toEqual([id("waited"), id("rung")]);
});

test("a lost ring costs a second: the poll finds the call", async () => {
  const { rows, poll, device } = start();
  const laptop = await device();
  rows.add({ callId: id("unrung") });
  await poll();
  expect(laptop.asked).toEqual([id("unrung")]);
});

test("a device that awaits its pairing is asked for nothing, and has to connect again when its code expires", async () => {
  const { rows, ring, clock, device } = start();
  rows.add({ callId: id("waits") });
  rows.awaitsPairing = true;
  const laptop = await device("laptop", { token: "enroller" });
  const [pairing] = laptop.all("device.pairing");
  expect(Date.parse(pairing?.expiresAt ?? "")).toBe(clock.now() + PAIRING_CODE_LIFE_MS);
  expect(laptop.asked).toEqual([]);
  clock.advance(PAIRING_CODE_LIFE_MS - 1);
  await settled();
  expect(laptop.endedAs).toBeNull();
  clock.advance(DEVICE_POLL_MS);
  await settled();
  expect(laptop.endedAs).toBe("swept");
  const again = await device("laptop", { token: "enroller" });
  expect(again.all("device.pairing")[0]?.code).not.toBe(pairing?.code);
  rows.awaitsPairing = false;
  await ring("laptop");
  expect(again.all("device.pairing")[1]).toEqual({ type: "device.pairing", code: null, expiresAt: null });
  expect(again.asked).toEqual([id("waits")]);
});

test("a store that is away for a moment costs no call", async () => {
  const { rows, ring, poll, device } = start();
  const laptop = await device();
  rows.add({ callId: id("a") });
  rows.isAway = true;
  await ring();
  await poll();
  rows.isAway = false;
  await poll();
  expect(laptop.asked).toEqual([id("a")]);
});

test("a call settled otherwise is canceled on the device", async () => {
  const { rows, ring, device } = start();
  const row = rows.add({ callId: id("a") });
  const laptop = await device();
  row.status = "expired";
  await ring();
  expect(laptop.all("tool.call.cancel")).toEqual([{ type: "tool.call.cancel", callId: id("a") }]);
});

test("a device gets no more calls at once than it takes, and the next as soon as it has answered", async () => {
  const { rows, device } = start();
  for (const name of ["a", "b", "c"]) rows.add({ callId: id(name) });
  const laptop = await device("laptop", { maxInFlight: 2 });
  expect(laptop.asked).toEqual([id("a"), id("b")]);
  expect(rows.calls.get(id("c"))?.sentTo).toBeNull();
  await laptop.say({ type: "tool.result", callId: id("a"), result: 1 });
  expect(laptop.asked).toEqual([id("a"), id("b"), id("c")]);
});

test("a device full of calls that were settled otherwise is told so and gets on, however many wait", async () => {
  const { rows, ring, device } = start();
  for (const name of ["a", "b"]) rows.add({ callId: id(name) });
  const laptop = await device("laptop", { maxInFlight: 2 });
  for (let count = 0; count < 2 * OPEN_CALLS_PER_SESSION_MAX; count += 1) rows.add({ callId: id(`w${count}`) });
  for (const name of ["a", "b"]) rows.add({ callId: id(name), status: "expired" });
  await ring();
  expect(laptop.all("tool.call.cancel")).toMatchObject([{ callId: id("a") }, { callId: id("b") }]);
  expect(laptop.asked.slice(2)).toEqual([id("w0"), id("w1")]);
});

test("a result frees capacity once it is taken, not when it is sent: a refused one would be one call too many", async () => {
  const { rows, ring, device } = start();
  rows.add({ callId: id("a") });
  const laptop = await device("laptop", { maxInFlight: 1 });
  const held = Promise.withResolvers<void>();
  rows.beforeResult = () => held.promise;
  await laptop.say({ type: "tool.result", callId: id("a"), result: 1 });
  rows.add({ callId: id("b") });
  await ring();
  expect(rows.calls.get(id("b"))?.sentTo).toBeNull();
  held.resolve();
  await settled();
  expect(laptop.asked).toEqual([id("a"), id("b")]);
});

test("after a reconnect the same boot gets its call again; another boot makes it lost, and it is not sent", async () => {
  const { rows, device } = start();
  rows.add({ callId: id("a") });
  const first = await device();
  await first.disconnect();
  const second = await device();
  expect(second.all("tool.call.request")).toMatchObject([{ callId: id("a"), attempt: 1 }]);
  await second.disconnect();
  const reborn = await device("laptop", { bootId: "boot-2" });
  expect(rows.lost).toContain(`${id("a")} 1`);
  expect(reborn.asked).toEqual([]);
});

test("what another tenant has open never reaches a device of the same key", async () => {
  const { rows, poll, device } = start();
  rows.add({ callId: id("theirs"), tenantId: asTenantId("tenant-2") });
  const laptop = await device();
  await poll();
  const other = await device("laptop", { token: "good tenant-2" });
  expect(other.asked).toEqual([id("theirs")]);
  expect(laptop.asked).toEqual([]);
});

test("a device that has gone is asked for nothing more, whatever was read for it", async () => {
  const { rows, ring, device } = start();
  const laptop = await device();
  rows.add({ callId: id("a") });
  rows.add({ callId: id("b") });
  const rung = ring();
  await laptop.disconnect();
  await rung;
  expect(laptop.asked).toEqual([]);
  expect(rows.calls.get(id("b"))?.sentTo).toBeNull();
});
