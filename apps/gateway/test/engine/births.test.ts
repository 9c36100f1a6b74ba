import { afterEach, beforeEach, expect, test } from "vitest";
import { StoreUnavailable } from "../../src/ports/store.ts";
import { type EngineUnderTest, EngineWorld } from "../support/engine-world.ts";

let world: EngineWorld;
beforeEach(async () => {
  world = await EngineWorld.openInMemory();
});
afterEach(() => world.close());

/** A gateway whose first claim is answered. */
async function ready(options: Parameters<EngineWorld["gateway"]>[0] = {}): Promise<EngineUnderTest> {
  const gateway = world.gateway(options);
  await world.until("a claim is answered", () => gateway.fleet.said.includes("claimRuns"));
  await world.time.pass(50);
  return gateway;
}

test("a run is started, held and begun by one statement, and its holder reads nothing more", async () => {
  const gateway = await ready();
  gateway.fleet.said.length = 0;
  const { runId, isHeld } = await world.startOn(gateway);
  expect(isHeld).toBe(true);
  expect(await world.types(runId)).toEqual(["run.created", "message.user", "run.started", "step.started"]);
  (await world.model.next()).say("hello").finish();
  await world.reaches(runId, "completed");
  expect(gateway.fleet.said).not.toContain("loadRun");
  expect(gateway.fleet.said).not.toContain("readInbox");
  expect(gateway.fleet.said.filter((name) => name === "commit")).toHaveLength(1);
  expect((gateway.published.get(runId) ?? []).map(({ type }) => type)).toEqual([
    "run.started",
    "step.started",
    "text.start",
    "text.delta",
    "step.completed",
    "run.completed",
  ]);
});

test("a gateway that dies right after leaves a run that another one takes up, and its step is made again", async () => {
  const gateway = await ready({ leaseDurationMs: 600 });
  const { runId } = await world.startOn(gateway);
  const lost = await world.model.next();
  gateway.fleet.isAway = true;
  await world.until("the request is aborted", () => lost.signal.aborted, 60_000);
  world.gateway();
  (await world.model.next()).finish();
  await world.reaches(runId, "completed");
  expect(await world.types(runId)).toContain("step.discarded");
});

test("an answer that was lost leaves no run behind: the lease is returned, and does not count", async () => {
  const gateway = await ready();
  let runId = "";
  const started = gateway.engine.uptake.start(world.tenantId, async (offer) => {
    ({ runId } = await world.startUnder(offer));
    throw new StoreUnavailable("the answer was lost");
  });
  await expect(started).rejects.toThrow(StoreUnavailable);
  const call = await world.model.next();
  if (call.signal.aborted) (await world.model.next()).finish();
  else call.finish();
  await world.reaches(runId, "completed");
  expect(await world.types(runId)).not.toContain("run.recovered");
});

test("on a thread the next run waits for its turn, and is claimed then", async () => {
  const gateway = await ready();
  const first = await world.startOn(gateway, {}, "chat");
  const second = await world.startOn(gateway, {}, "chat");
  expect([first.isHeld, second.isHeld]).toEqual([true, false]);
  (await world.model.next()).say("one").finish();
  const call = await world.model.next();
  expect(call.call.messages.map(({ content }) => content)).toEqual(["hi", "one", "hi"]);
  call.finish();
  await world.reaches(second.runId, "completed");
  const third = await world.startOn(gateway, {}, "chat");
  expect(third.isHeld).toBe(true);
  expect((await world.model.next()).call.messages).toHaveLength(5);
});

test("a tenant that has its share of the places gets no other, and the run waits for a claim", async () => {
  const gateway = await ready({ runsHeldMax: 4 });
  const held: boolean[] = [];
  for (let n = 0; n < 4; n++) held.push((await world.startOn(gateway)).isHeld);
  expect(held).toEqual([true, true, true, false]);
});

test("a gateway that has stopped takes nothing up", async () => {
  const gateway = await ready();
  await gateway.engine.stop({ drainMs: 0 });
  expect((await world.startOn(gateway)).isHeld).toBe(false);
});

test("a message that comes with the birth is read by its holder", async () => {
  const gateway = await ready();
  const { runId } = await world.startOn(gateway);
  await world.say(runId, "one thing more");
  (await world.model.next()).say("first").finish();
  const call = await world.model.next();
  expect(call.call.messages.map(({ content }) => content)).toEqual(["hi", "first", "one thing more"]);
  call.finish();
  await world.reaches(runId, "completed");
});

/** The run that was blamed, for each stall of the gateway; undefined: none was. */
const blamed = ({ log }: EngineUnderTest): unknown[] =>
  log.lines.filter(({ message }) => message.startsWith("the event loop was kept")).map(({ fields }) => fields["runId"]);

test("a run that is being born is not blamed for what kept the loop before its model is asked", async () => {
  const gateway = await ready();
  await gateway.engine.uptake.start(world.tenantId, async (offer) => {
    const started = await world.startUnder(offer);
    // Another request of this gateway, before the timer that asks the model.
    world.time.burn(3000);
    await world.time.pass(10);
    return started;
  });
  expect(blamed(gateway)).toEqual([undefined]);
  (await world.model.next()).say("hello").finish();
});

test("a run that is being born is blamed if the request to its model keeps the loop", async () => {
  const gateway = await ready();
  world.model.play = (call) => {
    world.time.burn(3000);
    call.say("late").finish();
  };
  let runId = "";
  await gateway.engine.uptake.start(world.tenantId, async (offer) => {
    const started = await world.startUnder(offer);
    ({ runId } = started);
    await world.time.pass(10);
    return started;
  });
  expect(blamed(gateway)).toEqual([runId]);
});
