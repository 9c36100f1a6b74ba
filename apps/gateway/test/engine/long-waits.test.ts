import { HELD_TIMEOUT_MS_MAX, TIMEOUT_MS_MAX } from "@hsafa/protocol";
import { afterEach, beforeEach, expect, test } from "vitest";
import { STEP_DURATION_MS_MAX } from "../../src/core/limits.ts";
import { EngineWorld, functionTool } from "../support/engine-world.ts";

const MINUTE_MS = 60_000;

let world: EngineWorld;
beforeEach(async () => {
  world = await EngineWorld.openInMemory();
});
afterEach(() => world.close());

test("a model that drips, and is never silent, ends its step after half an hour, and the run gives its place back", async () => {
  const gateway = world.gateway();
  const runId = await world.start();
  const call = await world.model.next();
  const beganAt = world.time.clock.monotonic();
  while (!call.signal.aborted) {
    call.say("drop ");
    await world.time.pass(MINUTE_MS);
    expect(world.time.clock.monotonic() - beganAt).toBeLessThan(STEP_DURATION_MS_MAX + 2 * MINUTE_MS);
  }
  await world.reaches(runId, "failed");
  const message = "The step took longer than 30 minutes, the most that one step may take.";
  expect(await world.fact(runId, "run.failed")).toMatchObject({ error: { code: "model_timeout", message } });
  await world.until("the place is free", () => gateway.engine.runsHeld === 0);
  await world.checkRecord(runId);
});

test("a model that does not hear that it was aborted keeps no run", async () => {
  const gateway = world.gateway({ model: { check: () => null, step: () => new Promise(() => {}) } });
  const runId = await world.start({ modelIdleTimeoutMs: TIMEOUT_MS_MAX });
  await world.reaches(runId, "failed", STEP_DURATION_MS_MAX + MINUTE_MS);
  expect(gateway.engine.runsHeld).toBe(0);
});

test("a config that was pushed with days before the bound is run with half an hour", async () => {
  const waits: number[] = [];
  world.gateway({
    functions: { hang: () => new Promise(() => {}) },
    model: {
      check: () => null,
      step: async ({ idleTimeoutMs }) => {
        waits.push(idleTimeoutMs);
        const call = { callId: "", toolName: "hang", args: {}, fault: null, written: "whole" } as const;
        return {
          kind: "finished",
          finishReason: "tool-calls",
          messages: [{ role: "assistant", content: "" }],
          calls: [{ ...call, callId: world.time.clock.newId() }],
          usage: { inputTokens: 1, outputTokens: 1 },
        };
      },
    },
  });
  const tools = [functionTool("hang", { timeoutMs: TIMEOUT_MS_MAX, onTimeout: "fail-run" })];
  const runId = await world.start({ modelIdleTimeoutMs: TIMEOUT_MS_MAX, tools });
  await world.reaches(runId, "failed", HELD_TIMEOUT_MS_MAX + MINUTE_MS);
  expect(waits).toEqual([HELD_TIMEOUT_MS_MAX]);
  expect(await world.fact(runId, "run.failed")).toMatchObject({ error: { code: "tool_timeout" } });
});
