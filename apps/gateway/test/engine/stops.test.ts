import { afterEach, beforeEach, expect, test } from "vitest";
import { EngineWorld, functionTool } from "../support/engine-world.ts";

let world: EngineWorld;
beforeEach(async () => {
  world = await EngineWorld.openInMemory();
});
afterEach(() => world.close());

test("a gateway that stops lets a step finish within the drain and begins no other; another gateway goes on at once", async () => {
  const first = world.gateway({ functions: { look: async () => "seen" } });
  const runId = await world.start({ tools: [functionTool("look")] });
  const call = await world.model.next();
  const stopped = first.engine.stop({ drainMs: 5000 });
  await world.time.pass(4000);
  call.say("finished in time").finish({ toolName: "look" });
  await world.settles("the engine stops", stopped);
  world.gateway({ functions: { look: async () => "seen" } });
  (await world.model.next()).finish();
  await world.reaches(runId, "completed");
  const types = await world.types(runId);
  expect(types).not.toContain("step.discarded");
  expect(types).not.toContain("run.recovered");
});

test("a gateway that stops hands over a step that outlasts the drain", async () => {
  const first = world.gateway();
  const runId = await world.start();
  const call = await world.model.next();
  call.say("too slow");
  await world.settles("the engine stops", first.engine.stop({ drainMs: 20 }));
  expect(call.signal.aborted).toBe(true);
  expect(await world.fact(runId, "step.discarded")).toMatchObject({ reason: "handover" });
  await world.checkPublished(runId, first);
  world.gateway();
  (await world.model.next()).say("again").finish();
  await world.reaches(runId, "completed");
  expect(await world.types(runId)).not.toContain("run.recovered");
});
