import { afterEach, beforeEach, expect, test } from "vitest";
import { createMemoryStore, type MemoryStore } from "../store/memory-store.ts";
import { EngineWorld, externalTool, functionTool } from "../support/engine-world.ts";

let world: EngineWorld;
let store: MemoryStore;
beforeEach(async () => {
  world = await EngineWorld.openOn((clock) => (store = createMemoryStore({ clock })));
});
afterEach(() => world.close());

const generation = async () => (await store.fleet.judgeServer({ expected: "", wentBack: false })).tag;

test("a holder whose facts are gone commits and publishes no fact more, and the run goes on from what is left, once", async () => {
  const gateway = world.gateway();
  const runId = await world.start({ tools: [externalTool("ask")] });
  const first = await world.model.next();
  const goBack = store.keep();
  const [callId = ""] = first.finish({ toolName: "ask" });
  await world.reaches(runId, "waiting_tool");
  await world.answer(runId, callId, "an answer that is lost");
  const lost = await world.model.next();
  lost.say("shown ");
  await world.until("it is shown", () => gateway.published.get(runId)?.at(-1)?.type === "text.delta");
  goBack();
  lost.finish();
  const again = await world.model.next();
  expect(await generation()).not.toBe("");
  again.say("what counts").finish();
  await world.reaches(runId, "completed");
  await world.checkRecord(runId);
  expect(await world.fact(runId, "run.completed")).toMatchObject({ output: "what counts" });
  expect(JSON.stringify(await world.events(runId))).not.toContain("lost");
  const ends = gateway.published.get(runId)?.filter(({ type }) => type === "run.completed");
  expect(ends?.map(({ payload }) => JSON.parse(payload) as unknown)).toMatchObject([{ output: "what counts" }]);
});

test("a gateway that enters a new generation takes lost runs from their holders, and no other", async () => {
  const gateway = world.gateway({ functions: { look: async () => "seen" } });
  const kept = await world.start();
  const keptCall = await world.model.next();
  const further = await world.start({ tools: [functionTool("look")] });
  const before = await world.model.next();
  const goBack = store.keep();
  before.finish({ toolName: "look" });
  const lostCall = await world.model.next();
  goBack();
  await gateway.engine.dropLostRuns();
  expect([keptCall.signal.aborted, lostCall.signal.aborted]).toEqual([false, true]);
  keptCall.say("on and on").finish();
  await world.reaches(kept, "completed");
  (await world.model.next()).say("anew").finish();
  await world.reaches(further, "completed");
  await world.checkRecord(further);
});
