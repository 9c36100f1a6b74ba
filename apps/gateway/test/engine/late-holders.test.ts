import { afterEach, beforeEach, expect, test } from "vitest";
import { CLAIM_POLL_MS } from "../../src/engine/limits.ts";
import { StoreUnavailable } from "../../src/ports/store.ts";
import { EngineWorld, externalTool, functionTool } from "../support/engine-world.ts";
import type { PuppetCall } from "../support/puppet-model.ts";
import { stoppedClock } from "../support/world-time.ts";

/** Longer than a lease of the tests is good, and shorter than it lasts. */
const STOPPED_MS = 5500;

let world: EngineWorld;
beforeEach(async () => {
  world = await EngineWorld.openInMemory();
});
afterEach(() => world.close());

test("a holder that once was too late to publish gives up, rather than go on with a hole in the record", async () => {
  const clock = stoppedClock(world.time.clock);
  const gateway = world.gateway({ clock });
  const runId = await world.start();
  const call = await world.model.next();
  call.say("before ");
  await world.until("the first words are shown", () => gateway.published.get(runId)?.at(-1)?.sub === 2);
  // The process was stopped for longer than the lease is good. The model's words arrive before any timer does, and then
  // a renewal, late.
  clock.aheadMs = STOPPED_MS;
  call.say("while the lease was stale ");
  clock.aheadMs = 0;
  call.say("after").finish();
  const again = await world.model.next();
  expect(call.signal.aborted).toBe(true);
  again.say("whole").finish();
  await world.reaches(runId, "completed");
  await world.checkRecord(runId);
  expect(await world.types(runId)).not.toContain("run.recovered");
  expect(gateway.log.errors).toEqual([]);
});

test("a holder whose lease was over for a moment while it read a thread's history begins the step again, rather than hold the run for ever", async () => {
  const clock = stoppedClock(world.time.clock);
  await world.start({}, "thread-1");
  const gateway = world.gateway({ clock });
  (await world.model.next()).say("earlier").finish();
  gateway.fleet.before = async (name) => {
    if (name !== "loadHistory") return;
    gateway.fleet.before = async () => {};
    clock.aheadMs = STOPPED_MS;
    // A renewal that was sent in time is answered before any timer tells that it was nearly too late.
    setImmediate(() => (clock.aheadMs = 0));
    throw new StoreUnavailable("the test says so");
  };
  const runId = await world.start({}, "thread-1");
  (await world.model.next()).say("later").finish();
  await world.reaches(runId, "completed");
  expect(gateway.log.errors).toEqual([]);
});

test("a holder whose lease was over when it heard that it may begins nothing: a tool is left to the next holder", async () => {
  const clock = stoppedClock(world.time.clock);
  const executions: string[] = [];
  const zombie = world.gateway({ clock, functions: { pay: async () => executions.push("paid") } });
  let call: PuppetCall | null = null;
  zombie.fleet.before = async (name) => {
    // The process is stopped for longer than the lease while this is on its way.
    if (name === "commit" && call !== null) clock.aheadMs = STOPPED_MS;
  };
  const runId = await world.start({ tools: [functionTool("pay", { repeatable: true })] });
  call = await world.model.next();
  call.finish({ toolName: "pay" });
  (await world.model.next()).say("paid").finish();
  await world.reaches(runId, "completed");
  expect(await world.fact(runId, "tool.completed")).toMatchObject({ toolName: "pay" });
  expect((await world.types(runId)).filter((type) => type === "tool.dispatched")).toHaveLength(2);
  expect(executions).toHaveLength(1);
});

test("a step that ended while its lease went stale is not committed: its deltas were dropped with the lease", async () => {
  const gateway = world.gateway();
  const runId = await world.start({ tools: [{ name: "look", inputSchema: {}, target: "device" }] });
  const call = await world.model.next();
  const freeze = Promise.withResolvers<void>();
  gateway.fleet.gate = freeze.promise;
  // The holder reads where devices are before it commits this. The answer comes when the lease is no longer good, and
  // before the lease is returned.
  const mayReturn = Promise.withResolvers<void>();
  gateway.fleet.before = async (name) => {
    if (name === "releaseLeases") await mayReturn.promise;
  };
  call.say("not stored ").finish({ toolName: "look" });
  await world.time.pass(STOPPED_MS);
  freeze.resolve();
  await world.time.pass(100);
  mayReturn.resolve();
  (await world.model.next()).say("whole").finish();
  await world.reaches(runId, "completed");
  await world.checkRecord(runId);
  expect(await world.types(runId)).not.toContain("tool.requested");
});

test("a renewal that finds the lease returned, while the commit that returned it is not answered, stops no publishing", async () => {
  const gateway = world.gateway();
  const runId = await world.start();
  const call = await world.model.next();
  const renewed = Promise.withResolvers<void>();
  gateway.fleet.after = async (name) => {
    if (name === "commit") await renewed.promise;
    if (name === "renewLeases") setImmediate(renewed.resolve);
  };
  call.say("the end").finish();
  await world.until("the end is shown", () => gateway.published.get(runId)?.at(-1)?.type === "run.completed");
  await world.checkPublished(runId, gateway);
});

test("a ring that comes too late for a holder brings the next claim at once, not at the next poll", async () => {
  const gateway = world.gateway();
  const runId = await world.start({ tools: [externalTool("ask")] });
  const call = await world.model.next();
  let answeredAt = 0;
  gateway.fleet.after = async (name) => {
    if (name !== "commit") return;
    gateway.fleet.after = async () => {};
    // The run is parked, and its holder does not know yet.
    const { callId } = (await world.fact(runId, "tool.requested")) as { callId: string };
    await world.answer(runId, callId, "42");
    answeredAt = world.time.clock.monotonic();
  };
  call.finish({ toolName: "ask" });
  (await world.model.next()).finish();
  expect(world.time.clock.monotonic() - answeredAt).toBeLessThan(CLAIM_POLL_MS / 10);
  await world.reaches(runId, "completed");
});
