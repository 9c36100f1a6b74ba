import { SLEEP_MS_MAX } from "@hsafa/protocol";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Clock } from "../../src/ports/clock.ts";
import { EngineWorld, functionTool } from "../support/engine-world.ts";

const HOUR_MS = 3_600_000;
/** A run wakes this much after its time at the most, in ms: a poll of the claims, and what statements take. */
const LATE_MS = 2000;
const sleep = { name: "sleep", server: { type: "sleep" as const } };

let world: EngineWorld;
beforeEach(async () => {
  world = await EngineWorld.openInMemory();
});
afterEach(() => world.close());

async function asleep(durationMs: number): Promise<string> {
  const runId = await world.start({ tools: [sleep] });
  (await world.model.next()).finish({ toolName: "sleep", args: { durationMs } });
  await world.reaches(runId, "waiting_tool");
  return runId;
}

async function wakes(runId: string): Promise<void> {
  const call = await world.model.next();
  call.say("good morning").finish();
  await world.reaches(runId, "completed");
  const types = await world.types(runId);
  expect(types.filter((type) => type === "tool.completed")).toHaveLength(1);
  expect(types.filter((type) => type === "tool.dispatched")).toHaveLength(1);
  await world.checkRecord(runId);
}

test("a run that sleeps holds no place, and wakes on the gateway that is alive at the time", async () => {
  const first = world.gateway();
  const runId = await asleep(HOUR_MS);
  await world.until("the place is free", () => first.engine.runsHeld === 0);
  await world.settles("the gateway stops", first.engine.stop({ drainMs: 0 }));
  world.gateway();
  world.gateway();
  await world.time.pass(HOUR_MS - LATE_MS);
  expect(await world.status(runId)).toBe("waiting_tool");
  await wakes(runId);
});

test("a sleep of a year that ended while no gateway lived ends when one starts, and only once", async () => {
  const first = world.gateway();
  const runId = await asleep(SLEEP_MS_MAX);
  await world.settles("the gateway stops", first.engine.stop({ drainMs: 0 }));
  await world.time.pass(SLEEP_MS_MAX + HOUR_MS);
  world.gateway();
  world.gateway();
  await wakes(runId);
});

test("a cancel wakes nobody, and ends the run at once", async () => {
  world.gateway();
  const runId = await asleep(SLEEP_MS_MAX);
  await world.cancel(runId);
  await world.reaches(runId, "canceled", LATE_MS);
  expect(await world.fact(runId, "tool.failed")).toMatchObject({ error: { message: "The run ended while it slept." } });
});

test("a year is longer than a timer can wait: a holder that has another call in hand looks again meanwhile", async () => {
  const delays: number[] = [];
  const clock: Clock = {
    ...world.time.clock,
    after(delayMs, callback) {
      delays.push(delayMs);
      return world.time.clock.after(delayMs, callback);
    },
  };
  const { promise, resolve } = Promise.withResolvers<string>();
  world.gateway({ clock, functions: { work: () => promise } });
  const runId = await world.start({ tools: [sleep, functionTool("work")], limits: { wallTimeMs: 2 * SLEEP_MS_MAX } });
  const call = await world.model.next();
  call.finish({ toolName: "sleep", args: { durationMs: SLEEP_MS_MAX } }, { toolName: "work" });
  await world.until("both are dispatched", async () => {
    const types = await world.types(runId);
    return types.filter((type) => type === "tool.dispatched").length === 2;
  });
  resolve("done");
  await world.reaches(runId, "waiting_tool");
  expect(Math.max(...delays)).toBeLessThan(2 ** 31);
  expect(Math.max(...delays)).toBeGreaterThan(HOUR_MS);
});
