import type { Fact } from "@hsafa/protocol";
import { afterEach, beforeEach, expect, test } from "vitest";
import { systemClock } from "../../src/adapters/system/system-clock.ts";
import { RECOVERIES_MAX } from "../../src/core/limits.ts";
import { EngineWorld } from "../support/engine-world.ts";

let world: EngineWorld;
beforeEach(async () => {
  world = await EngineWorld.openInMemory();
});
afterEach(() => world.close());

test("a run that keeps killing its gateways fails in the end, and its events are not loaded for that", async () => {
  const runId = await world.start();
  await world.losesGateways([runId], RECOVERIES_MAX + 1);
  const gateway = world.gateway();
  await world.reaches(runId, "failed");
  expect(await world.fact(runId, "run.failed")).toMatchObject({ error: { code: "recovery_exhausted" } });
  expect(gateway.fleet.said).not.toContain("loadRun");
  await world.checkRecord(runId);
});

test("a run that kills its gateways takes no other down: of those lost beside it each gets its last chance by itself", async () => {
  const runIds = [await world.start(), await world.start()];
  await world.losesGateways(runIds, RECOVERIES_MAX);
  const gateway = world.gateway();
  const first = await world.model.next();
  // A poll later the other one is still due, and is not taken.
  const { said } = gateway.fleet;
  const claims = said.filter((name) => name === "claimRuns").length;
  await world.until(
    "the gateway has claimed again",
    () => said.filter((name) => name === "claimRuns").length > claims + 1,
  );
  expect(gateway.engine.runsHeld).toBe(1);
  first.say("survived").finish();
  (await world.model.next()).say("survived too").finish();
  for (const runId of runIds) await world.reaches(runId, "completed");
});

test("a run that lost its last lease to another run's stall is not given up before the stalled gateway could forgive it", async () => {
  const runId = await world.start();
  await world.losesGateways([runId], RECOVERIES_MAX + 1);
  const gateway = world.gateway();
  await world.until("the run is claimed", () => gateway.fleet.said.includes("claimRuns"));
  await world.time.pass(6000);
  expect(await world.status(runId)).toBe("queued");
  // The gateway that lost it goes on.
  await world.store.fleet.settleStalls({ stalled: [], forgiven: [{ runId, epoch: RECOVERIES_MAX + 1 }] });
  (await world.model.next()).say("spared").finish();
  await world.reaches(runId, "completed");
  expect(gateway.fleet.said.indexOf("loadOutline")).toBeLessThan(gateway.fleet.said.indexOf("loadRun"));
});

test("a gateway that stops while a run waits to be given up does not wait for that, and the next one sees to it", async () => {
  const runId = await world.start();
  await world.losesGateways([runId], RECOVERIES_MAX + 1);
  const first = world.gateway();
  await world.until("the run is claimed", () => first.fleet.said.includes("claimRuns"));
  await world.time.pass(100);
  const stoppedAt = world.time.clock.monotonic();
  await world.settles("it stops", first.engine.stop({ drainMs: 0 }));
  expect(world.time.clock.monotonic() - stoppedAt).toBeLessThan(1000);
  world.gateway();
  await world.reaches(runId, "failed");
  expect(await world.fact(runId, "run.failed")).toMatchObject({ error: { code: "recovery_exhausted" } });
});

test("a fork that is given up before it asked for a call again leaves no call unanswered in its thread", async () => {
  const origin = await world.start({}, "talk");
  const first = world.gateway();
  (await world.model.next()).say("hello").finish();
  await world.reaches(origin, "completed");
  await world.settles("it stops", first.engine.stop({ drainMs: 0 }));
  const call = { type: "tool-call", toolCallId: "again", toolName: "ask", input: {} } as const;
  const step: Fact = {
    type: "step.reused",
    data: {
      step: 1,
      from: "4-0",
      messages: [{ role: "assistant", content: [call] }],
      reruns: [{ callId: "again", of: "before", toolName: "ask", args: {} }],
    },
  };
  const threadId = systemClock.newId();
  const from = { runId: origin, position: "4-0" } as const;
  const { runId: fork } = await world.startUnder(null, {}, undefined, "go on", { from, turns: [step], threadId });
  await world.losesGateways([fork], RECOVERIES_MAX + 1);
  world.gateway();
  await world.reaches(fork, "failed");
  expect(await world.types(fork)).toEqual(["run.created", "step.reused", "message.user", "run.failed"]);
  await world.start({}, threadId, "and now?");
  const { messages } = (await world.model.next()).call;
  expect(messages.map(({ role }) => role)).toEqual(["assistant", "tool", "user", "user"]);
});

test("an input that is accepted while its run is given up is consumed too", async () => {
  const runId = await world.start();
  await world.losesGateways([runId], RECOVERIES_MAX + 1);
  const gateway = world.gateway();
  gateway.fleet.before = async (name) => {
    if (name !== "commit") return;
    gateway.fleet.before = async () => {};
    await world.say(runId, "at the last moment");
  };
  await world.reaches(runId, "failed");
  expect(gateway.fleet.said.filter((name) => name === "commit")).toHaveLength(2);
  expect(await world.waiting(runId)).toEqual({ count: 0, inputs: [], resultsUnread: false });
});

test("an error that is thrown while the model is asked ends the step, costs no lease, and does not spin", async () => {
  const gateway = world.gateway();
  world.model.play = () => {
    throw new Error("a bug in the model's adapter");
  };
  const runId = await world.start();
  await world.reaches(runId, "failed");
  expect(await world.fact(runId, "run.failed")).toMatchObject({ error: { code: "model_other" } });
  expect(await world.types(runId)).not.toContain("run.recovered");
  expect(gateway.log.errors).toHaveLength(1);
  gateway.log.errors.length = 0;
});

test("a bug that a holder meets is logged, counts as a lost lease, and does not spin", async () => {
  const gateway = world.gateway({ leaseDurationMs: 300 });
  gateway.fleet.before = async (name) => {
    if (name === "loadRun") throw new Error("a bug on the way to the store");
  };
  const runId = await world.start();
  await world.reaches(runId, "failed");
  expect(await world.fact(runId, "run.failed")).toMatchObject({ error: { code: "recovery_exhausted" } });
  expect(gateway.log.errors.length).toBeGreaterThanOrEqual(4);
  expect(gateway.log.errors.length).toBeLessThan(10);
  gateway.log.errors.length = 0;
});
