import { expect, test } from "vitest";
import { callIdOf as id, startDeviceWorld } from "../../test/support/device-world.ts";
import { settled } from "../../test/support/fakes.ts";
import { SocketlessDevice } from "../../test/support/socketless-device.ts";
import { TOOL_RESULT_BYTES_MAX } from "../core/limits.ts";
import { asTenantId } from "../core/tenant-id.ts";

/** A device that has been sent the call `a`. */
async function start() {
  const world = startDeviceWorld();
  world.rows.add({ callId: id("a") });
  const laptop = await new SocketlessDevice(world.devices).register("laptop");
  return { ...world, laptop };
}

test("a result is acknowledged once it is taken; a repeat is a duplicate, another one a conflict", async () => {
  const { rows, laptop, rings } = await start();
  await laptop.say({ type: "tool.accepted", callId: id("a") });
  await laptop.say({ type: "tool.result", callId: id("a"), result: { lines: 3 } });
  expect(laptop.all("tool.result.ack")).toEqual([{ type: "tool.result.ack", callId: id("a"), duplicate: false }]);
  expect(rows.accepted).toEqual([id("a")]);
  expect(rows.outcomes.get(id("a"))).toEqual({ kind: "completed", result: { lines: 3 } });
  expect(rings).toContainEqual({ about: "run", runId: "run-1" });
  await laptop.say({ type: "tool.result", callId: id("a"), result: { lines: 3 } });
  expect(laptop.all("tool.result.ack")).toMatchObject([{ duplicate: false }, { duplicate: true }]);
  await laptop.say({ type: "tool.result", callId: id("a"), result: { lines: 4 } });
  expect(laptop.all("error")).toMatchObject([{ code: "result_conflict", callId: id("a") }]);
});

test("an error of the tool is a result too", async () => {
  const { rows, laptop } = await start();
  await laptop.say({ type: "tool.result", callId: id("a"), error: { message: "no such file", code: "ENOENT" } });
  expect(laptop.all("tool.result.ack")).toHaveLength(1);
  expect(rows.outcomes.get(id("a"))).toEqual({ kind: "failed", error: { code: "ENOENT", message: "no such file" } });
});

test("a result for a call that was never sent here is refused, and no acceptance of it is recorded", async () => {
  const { rows, laptop } = await start();
  rows.add({ callId: id("theirs"), recipientKey: "phone" });
  await laptop.say({ type: "tool.accepted", callId: id("theirs") });
  await laptop.say({ type: "tool.result", callId: id("theirs"), result: 1 });
  expect(laptop.all("error")).toMatchObject([{ code: "not_found", callId: id("theirs") }]);
  expect(rows.accepted).toEqual([]);
});

test("a result too large is refused, and the call stays open for an answer that fits", async () => {
  const { laptop } = await start();
  await laptop.say({ type: "tool.result", callId: id("a"), result: "x".repeat(TOOL_RESULT_BYTES_MAX) });
  expect(laptop.all("error")).toMatchObject([{ code: "payload_too_large", callId: id("a") }]);
  await laptop.say({ type: "tool.result", callId: id("a"), error: { message: "too much to tell" } });
  expect(laptop.all("tool.result.ack")).toMatchObject([{ duplicate: false }]);
});

test("with the store away a result is not acknowledged, and is taken when it is sent again", async () => {
  const { rows, laptop } = await start();
  rows.isAway = true;
  await laptop.say({ type: "tool.result", callId: id("a"), result: 1 });
  expect(laptop.all("error")).toMatchObject([{ code: "unavailable", callId: id("a") }]);
  rows.isAway = false;
  await laptop.say({ type: "tool.result", callId: id("a"), result: 1 });
  expect(laptop.all("tool.result.ack")).toMatchObject([{ duplicate: false }]);
});

test("a look at the store does not take a call for canceled while its own result is on the way", async () => {
  const { rows, laptop, bell } = await start();
  const held = Promise.withResolvers<void>();
  rows.beforeResult = () => held.promise;
  await laptop.say({ type: "tool.result", callId: id("a"), result: 1 });
  rows.add({ callId: id("a"), status: "completed" });
  bell.ring({ about: "device", tenantId: asTenantId("tenant-1"), deviceKey: "laptop" });
  await settled();
  expect(laptop.all("tool.call.cancel")).toEqual([]);
  held.resolve();
  await settled();
});
