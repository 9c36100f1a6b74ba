import type { JsonValue } from "@hsafa/protocol";
import { expect, test } from "vitest";
import { callIdOf as id, startDeviceWorld } from "../../test/support/device-world.ts";
import { SocketlessDevice } from "../../test/support/socketless-device.ts";
import { DEVICE_PROGRESS_BYTES_MAX, DEVICE_PROGRESS_PER_SECOND_MAX } from "./limits.ts";

/** A device that has been sent the call `a`. */
async function start() {
  const world = startDeviceWorld();
  world.rows.add({ callId: id("a") });
  const laptop = await new SocketlessDevice(world.devices).register("laptop");
  const report = (data: JsonValue, name = "a") => ({ type: "tool.progress", callId: id(name), data }) as const;
  return { ...world, laptop, report };
}

test("progress goes to the run's watchers for a call in hand, and nowhere for any other", async () => {
  const { laptop, progress, report } = await start();
  await laptop.say(report(1, "b"), report({ done: 0.5 }));
  await laptop.say({ type: "tool.result", callId: id("a"), result: 1 });
  await laptop.say(report({ done: 0.9 }));
  expect(progress.map((json) => JSON.parse(json) as unknown)).toMatchObject([
    { runId: "run-1", type: "tool.progress", data: { callId: id("a"), data: { done: 0.5 } } },
  ]);
});

test("a flood of progress is thinned out, in silence", async () => {
  const { laptop, progress, clock, report } = await start();
  await laptop.say(...Array.from({ length: 500 }, (_, count) => report(count)));
  expect(progress).toHaveLength(DEVICE_PROGRESS_PER_SECOND_MAX);
  expect(laptop.all("error")).toEqual([]);
  clock.advance(1000);
  await laptop.say(report("later"));
  expect(progress).toHaveLength(DEVICE_PROGRESS_PER_SECOND_MAX + 1);
});

test("progress that can never pass is an error of the tool's author", async () => {
  const { laptop, progress, report } = await start();
  await laptop.say(report("x".repeat(DEVICE_PROGRESS_BYTES_MAX)));
  expect(progress).toEqual([]);
  expect(laptop.all("error")).toMatchObject([{ code: "payload_too_large", callId: id("a") }]);
});
