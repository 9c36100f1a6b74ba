import { afterEach, beforeEach, expect, test } from "vitest";
import { EngineWorld, externalTool } from "../support/engine-world.ts";

let world: EngineWorld;
beforeEach(async () => {
  world = await EngineWorld.openInMemory();
});
afterEach(() => world.close());

test("while the store is away for less than a lease the step goes on, and its end is committed when the store is back", async () => {
  const gateway = world.gateway();
  const runId = await world.start();
  const call = await world.model.next();
  gateway.fleet.isAway = true;
  call.say("said ", "meanwhile").finish();
  await world.time.pass(3000);
  gateway.fleet.isAway = false;
  await world.reaches(runId, "completed");
  expect(await world.types(runId)).not.toContain("step.discarded");
  await world.checkPublished(runId, gateway);
});

test("while the store is away for longer the holder gives up: it returns the lease later, and the run does not count as lost", async () => {
  const gateway = world.gateway();
  const runId = await world.start();
  const call = await world.model.next();
  call.say("cut");
  gateway.fleet.isAway = true;
  await world.until("the holder gives up", () => gateway.engine.runsHeld === 0);
  expect(call.signal.aborted).toBe(true);
  gateway.fleet.isAway = false;
  (await world.model.next()).say("whole").finish();
  await world.reaches(runId, "completed");
  expect(await world.types(runId)).not.toContain("run.recovered");
  await world.checkRecord(runId);
});

test("a call whose deadline passed while the store was away is not expired at once: its answer was kept away by the same", async () => {
  const gateway = world.gateway({ leaseDurationMs: 1500 });
  const runId = await world.start({ tools: [externalTool("ask", { timeoutMs: 1000, onTimeout: "fail-run" })] });
  const [callId = ""] = (await world.model.next()).finish({ toolName: "ask" });
  await world.reaches(runId, "waiting_tool");
  const { deadline } = (await world.fact(runId, "tool.dispatched")) as { deadline: string };
  gateway.fleet.isAway = true;
  await world.until("the deadline has passed", () => world.time.clock.now() > Date.parse(deadline));
  const tries = gateway.fleet.said.length;
  gateway.fleet.isAway = false;
  await world.until("the gateway has claimed again", () => gateway.fleet.said.slice(tries).includes("claimRuns"));
  await world.answer(runId, callId, "in time, but for the outage");
  (await world.model.next()).say("on").finish();
  await world.reaches(runId, "completed");
});

test("a claim whose answer is lost gives its lease to nobody: it is returned, and the run is not taken for lost", async () => {
  const gateway = world.gateway({ leaseDurationMs: 3000 });
  const runId = await world.start({ tools: [externalTool("ask")] });
  const [callId = ""] = (await world.model.next()).finish({ toolName: "ask" });
  await world.reaches(runId, "waiting_tool");
  gateway.fleet.loseAnswerOf = "claimRuns";
  await world.answer(runId, callId, "yes");
  (await world.model.next()).say("on").finish();
  await world.reaches(runId, "completed");
  expect(gateway.fleet.loseAnswerOf).toBeNull();
  expect(await world.types(runId)).not.toContain("run.recovered");
});

test("an outage is told once for each kind of work, not at each try", async () => {
  const gateway = world.gateway();
  await world.start();
  await world.model.next();
  gateway.fleet.isAway = true;
  await world.time.pass(60_000);
  const warnings = gateway.log.lines.filter(({ level }) => level === "warn").map(({ message }) => message);
  expect(warnings.toSorted()).toEqual([
    "could not claim runs: the store is away",
    "could not record a heartbeat: the store is away",
    "could not renew leases: the store is away",
    "could not return claims: the store is away",
    "could not return leases: the store is away",
    "could not sweep: the store is away",
  ]);
});
