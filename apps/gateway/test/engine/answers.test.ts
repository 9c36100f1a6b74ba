import { afterEach, beforeEach, expect, test } from "vitest";
import { PARKED_RUNS_MAX } from "../../src/engine/limits.ts";
import { ParkedRuns, type ParkedRun } from "../../src/engine/parked-runs.ts";
import { StoreUnavailable } from "../../src/ports/store.ts";
import { type EngineUnderTest, EngineWorld, externalTool } from "../support/engine-world.ts";

let world: EngineWorld;
let gateway: EngineUnderTest;
beforeEach(async () => {
  world = await EngineWorld.openInMemory();
  gateway = world.gateway();
  await world.until("a claim is answered", () => gateway.fleet.said.includes("claimRuns"));
  await world.time.pass(50);
});
afterEach(() => world.close());

/** A run that waits for calls. */
async function park(...tools: readonly string[]): Promise<{ readonly runId: string; readonly callIds: string[] }> {
  const { runId } = await world.startOn(gateway, { tools: tools.map((name) => externalTool(name)) });
  const callIds = (await world.model.next()).finish(...tools.map((toolName) => ({ toolName })));
  await world.reaches(runId, "waiting_tool");
  await world.time.pass(50);
  gateway.fleet.said.length = 0;
  return { runId, callIds };
}

test("an answer takes its run by its own commit, and the holder goes on from memory: the next commit opens the step", async () => {
  const { runId, callIds } = await park("ask");
  const [callId = ""] = callIds;
  expect(await world.answerOn(gateway, runId, callId, "42")).toBe(true);
  const call = await world.model.next();
  expect(JSON.stringify(call.call.messages)).toContain("42");
  call.say("so").finish();
  await world.reaches(runId, "completed");
  const { said } = gateway.fleet;
  expect(said).not.toContain("loadRun");
  expect(said).not.toContain("readInbox");
  expect(said.filter((name) => name === "commit")).toHaveLength(2);
  await world.checkPublished(runId, gateway);
});

test("another gateway that takes the run reads it", async () => {
  const { runId, callIds } = await park("ask");
  const other = world.gateway();
  await world.until("a claim is answered", () => other.fleet.said.includes("claimRuns"));
  await world.time.pass(50);
  expect(await world.answerOn(other, runId, callIds[0] ?? "", "42")).toBe(true);
  (await world.model.next()).say("so").finish();
  await world.reaches(runId, "completed");
  expect(other.fleet.said).toContain("loadRun");
});

test("what was remembered does not count once another gateway has had the run", async () => {
  const { runId, callIds } = await park("ask", "check");
  const other = world.gateway();
  await world.until("a claim is answered", () => other.fleet.said.includes("claimRuns"));
  await world.time.pass(50);
  await world.answerOn(other, runId, callIds[0] ?? "", "one");
  await world.until("it is parked again", async () => (await world.types(runId)).at(-1) === "tool.completed");
  await world.time.pass(100);
  gateway.fleet.said.length = 0;
  expect(await world.answerOn(gateway, runId, callIds[1] ?? "", "two")).toBe(true);
  const call = await world.model.next();
  expect(JSON.stringify(call.call.messages)).toMatch(/one.*two/);
  call.finish();
  await world.reaches(runId, "completed");
  expect(gateway.fleet.said).toContain("loadRun");
});

test("of calls that are answered one after the other each parks the run again, and the last opens the step", async () => {
  const { runId, callIds } = await park("ask", "check");
  await world.answerOn(gateway, runId, callIds[0] ?? "", "one");
  await world.until("it is parked", async () => (await world.types(runId)).at(-1) === "tool.completed");
  await world.time.pass(100);
  await world.answerOn(gateway, runId, callIds[1] ?? "", "two");
  (await world.model.next()).finish();
  await world.reaches(runId, "completed");
  expect(gateway.fleet.said).not.toContain("loadRun");
});

test("a cancel that comes right after the answer wins over the step", async () => {
  const { runId, callIds } = await park("ask");
  await world.answerOn(gateway, runId, callIds[0] ?? "", "42");
  await world.cancel(runId);
  await world.reaches(runId, "canceled");
  expect(await world.types(runId)).toContain("tool.completed");
});

test("the answer of the store was lost: the lease is returned, and does not count", async () => {
  const { runId, callIds } = await park("ask");
  const answered = gateway.engine.uptake.answer(world.tenantId, async (offer) => {
    await world.answerUnder(offer, runId, callIds[0] ?? "", "42");
    throw new StoreUnavailable("the answer was lost");
  });
  await expect(answered).rejects.toThrow(StoreUnavailable);
  (await world.model.next()).finish();
  await world.reaches(runId, "completed");
  expect(await world.types(runId)).not.toContain("run.recovered");
});

test("a gateway remembers so many parked runs, and forgets the one that was parked first (R9)", () => {
  const runs = new ParkedRuns();
  const parked = (n: number): ParkedRun =>
    ({ runId: `run-${n}`, epoch: 1, record: { state: { run: { seq: 5 } }, bytes: 1 } }) as unknown as ParkedRun;
  for (let n = 0; n <= PARKED_RUNS_MAX; n++) runs.keep(parked(n));
  const claimed = { tenantId: world.tenantId, epoch: 2, lastSeq: 5, lost: false, recoveries: 0, stalls: 0 };
  expect(runs.take({ ...claimed, runId: "run-0" })).toBeNull();
  expect(runs.take({ ...claimed, runId: "run-1" })?.runId).toBe("run-1");
  expect(runs.take({ ...claimed, runId: "run-1" })).toBeNull();
  expect(runs.take({ ...claimed, runId: "run-2", epoch: 3 })).toBeNull();
  expect(runs.take({ ...claimed, runId: "run-3", lastSeq: 6 })).toBeNull();
});
