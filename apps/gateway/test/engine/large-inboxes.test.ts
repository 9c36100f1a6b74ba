import { afterEach, beforeEach, expect, test } from "vitest";
import { EngineWorld } from "../support/engine-world.ts";

let world: EngineWorld;
beforeEach(async () => {
  world = await EngineWorld.openInMemory();
});
afterEach(() => world.close());

test("messages that come while the model speaks are not kept in memory, and all are there before its next step", async () => {
  const gateway = world.gateway();
  const runId = await world.start();
  const first = await world.model.next();
  const reads = (): number => gateway.fleet.said.filter((name) => name === "readInbox").length;
  const sent = ["one", "two", "three"].map((text) => text.repeat(300_000));
  for (const text of sent) {
    const before = reads();
    await world.say(runId, text);
    await world.until("the holder has looked at it", () => reads() > before);
  }
  const before = reads();
  first.say("and so on").finish();
  const second = await world.model.next();
  // What was read before was forgotten, and more waits than one read returns.
  expect(reads() - before).toBe(2);
  const said = second.call.messages.filter(({ role }) => role === "user").map(({ content }) => content);
  expect(said).toEqual(["hi", ...sent]);
  second.say("done").finish();
  await world.reaches(runId, "completed");
  await world.checkRecord(runId);
});
