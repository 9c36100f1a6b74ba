/** What the engine relies on of a real database, and what is worth seeing on one: fences, races, rows, many at once. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { openPgliteStore } from "../../src/adapters/postgres/open-pglite-store.ts";
import { RECOVERIES_MAX } from "../../src/core/limits.ts";
import { INPUTS_PER_DRAIN_MAX } from "../../src/ports/limits.ts";
import type { Store } from "../../src/ports/store.ts";
import { EngineWorld, externalTool, functionTool } from "../support/engine-world.ts";
import { AN_ACTOR } from "../support/an-actor.ts";

let store: Store;
let world: EngineWorld;

beforeAll(async () => {
  store = await openPgliteStore({ dataDir: undefined });
});
afterAll(() => store.close());
beforeEach(async () => {
  world = await EngineWorld.open(store);
});
afterEach(() => world.close());

test("every delta of a run is shown and stored, and every fact names its predecessor", async () => {
  const gateway = world.gateway();
  const runId = await world.start();
  const call = await world.model.next();
  expect(call.call.messages).toEqual([{ role: "user", content: "hi" }]);
  call.think("well");
  for (let n = 0; n < 50; n++) {
    call.say(`${n} `);
    if (n % 10 === 0) await world.time.pass(1);
  }
  call.finish();
  await world.reaches(runId, "completed");
  await world.checkPublished(runId, gateway);
  expect(await world.types(runId)).toEqual([
    "run.created",
    "message.user",
    "run.started",
    "step.started",
    "step.completed",
    "run.completed",
  ]);
  expect(await world.fact(runId, "run.completed")).toMatchObject({ usage: { inputTokens: 1, outputTokens: 2 } });
  expect(gateway.engine.runsHeld).toBe(0);
});

test("a cancel ends a step though more messages wait before it than one read gives", async () => {
  world.gateway();
  const runId = await world.start();
  const call = await world.model.next();
  for (let n = 0; n < INPUTS_PER_DRAIN_MAX + 5; n++) await world.say(runId, String(n));
  await world.cancel(runId);
  await world.reaches(runId, "canceled");
  expect(call.signal.aborted).toBe(true);
  expect(await world.types(runId)).not.toContain("step.completed");
  expect(await world.waiting(runId)).toEqual({ count: 0, inputs: [], resultsUnread: false });
});

test("when a holder is lost another goes on from the last fact: the step in progress is made again, finished ones are not", async () => {
  const first = world.gateway({ leaseDurationMs: 1500, functions: { look: async () => "seen" } });
  const runId = await world.start({ tools: [functionTool("look")] });
  (await world.model.next()).say("step one").finish({ toolName: "look" });
  const cut = await world.model.next();
  cut.say("never ", "finished");
  // It dies: nothing of it reaches the store any more, and its lease is not returned.
  first.fleet.isAway = true;
  const second = world.gateway({ leaseDurationMs: 1500, functions: { look: async () => "seen" } });
  const again = await world.model.next();
  expect(again.call.messages).toEqual(cut.call.messages);
  expect(cut.signal.aborted).toBe(true);
  again.say("finished").finish();
  await world.reaches(runId, "completed");
  const types = await world.types(runId);
  expect(types.filter((type) => type === "run.recovered")).toHaveLength(1);
  expect(types.filter((type) => type === "step.completed")).toHaveLength(2);
  expect(types.filter((type) => type === "tool.completed")).toHaveLength(1);
  await world.checkPublished(runId, second);
});

test("a zombie that wakes up while another has its run writes nothing that counts", async () => {
  const zombie = world.gateway({ leaseDurationMs: 1500 });
  const runId = await world.start();
  const cut = await world.model.next();
  cut.say("before the freeze");
  const freeze = Promise.withResolvers<void>();
  zombie.fleet.gate = freeze.promise;
  const other = world.gateway({ leaseDurationMs: 1500 });
  const again = await world.model.next();
  const shown = zombie.published.get(runId)?.length;
  cut.say("after the freeze");
  cut.finish();
  freeze.resolve();
  again.say("the real answer").finish();
  await world.reaches(runId, "completed");
  await world.until("the zombie has let go", () => zombie.engine.runsHeld === 0);
  expect(zombie.published.get(runId)).toHaveLength(shown ?? 0);
  expect(JSON.stringify(await world.checkRecord(runId))).not.toContain("after the freeze");
  expect(await world.fact(runId, "run.completed")).toMatchObject({ output: "the real answer" });
  expect(other.log.errors).toEqual([]);
});

test("a run that is given up consumes what waits for it: a message, a tool's result and a cancel", async () => {
  const first = world.gateway();
  const runId = await world.start({ tools: [externalTool("ask")] });
  const [callId = ""] = (await world.model.next()).finish({ toolName: "ask" });
  await world.reaches(runId, "waiting_tool");
  await first.engine.stop({ drainMs: 0 });
  await world.say(runId, "still there?");
  await world.answer(runId, callId, "42");
  await world.cancel(runId);
  await world.losesGateways([runId], RECOVERIES_MAX + 1);
  // It waits for two lease times before that.
  world.gateway({ leaseDurationMs: 1500 });
  await world.reaches(runId, "failed");
  expect(await world.fact(runId, "run.failed")).toMatchObject({ error: { code: "recovery_exhausted" } });
  expect(await world.fact(runId, "tool.failed")).toMatchObject({ callId });
  expect(await world.waiting(runId)).toEqual({ count: 0, inputs: [], resultsUnread: false });
  await world.checkRecord(runId);
});

test("of fifty runs and two engines each run is advanced by one at a time, and every fact is written once", async () => {
  const gateways = [world.gateway(), world.gateway()];
  world.model.play = (call) => {
    if (call.call.messages.length > 1) call.say("done").finish();
    else call.say("one ", "two ").finish({ toolName: "look" });
  };
  for (const { engine } of gateways) expect(engine.runsHeld).toBe(0);
  const runs: string[] = [];
  for (let n = 0; n < 50; n++) runs.push(await world.start({ tools: [externalTool("look")] }));
  await Promise.all(
    runs.map(async (runId) => {
      await world.reaches(runId, "waiting_tool");
      const { callId } = (await world.fact(runId, "tool.requested")) as { callId: string };
      await world.answer(runId, callId, "seen");
      await world.reaches(runId, "completed");
      const types = await world.types(runId);
      expect(types.filter((type) => type === "step.completed")).toHaveLength(2);
      await world.checkRecord(runId);
    }),
  );
});

test("of hundreds of messages that race the end of their runs none is accepted and then unseen", async () => {
  world.gateway();
  world.gateway();
  // Ends as soon as it can, so that every message races an end.
  world.model.play = (call) => void call.say("so").finish();
  const counts = await Promise.all(
    Array.from({ length: 20 }, async () => {
      const runId = await world.start({ maxSteps: 200 });
      let accepted = 0;
      const input = { kind: "message", message: { role: "user", content: "and?" } } as const;
      for (let sent = 0; sent < 20; sent++) {
        const outcome = await world.tenant.enqueueInput({ by: AN_ACTOR, runId, input, dedupe: null });
        if (outcome.kind !== "accepted") break;
        accepted += 1;
        world.bell.ring({ about: "run", runId });
      }
      await world.reaches(runId, "completed", 15_000);
      const seen = (await world.types(runId)).filter((type) => type === "message.user").length;
      await world.checkRecord(runId);
      return { accepted, seen: seen - 1 };
    }),
  );
  for (const { accepted, seen } of counts) expect(seen).toBe(accepted);
});

test("a commit whose answer is lost is repeated, and counts once", async () => {
  const gateway = world.gateway();
  const runId = await world.start();
  const call = await world.model.next();
  gateway.fleet.loseAnswerOf = "commit";
  call.say("once").finish();
  await world.reaches(runId, "completed");
  await world.until("the run is let go", () => gateway.engine.runsHeld === 0);
  await world.checkPublished(runId, gateway);
});

test("a device's call is a row with its recipient once it is dispatched, and gateways are rung for it then and when it is settled", async () => {
  world.gateway();
  const rings: (string | null)[] = [];
  world.bell.listen((ring) => {
    if (ring.about === "device") rings.push(ring.deviceKey);
  });
  const tools = [
    { name: "here", inputSchema: {}, target: "device" as const, device: { key: "laptop" } },
    { name: "anywhere", inputSchema: {}, target: "device" as const },
  ];
  const runId = await world.start({ tools });
  const [callId = ""] = (await world.model.next()).finish({ toolName: "here" }, { toolName: "anywhere" });
  await world.reaches(runId, "waiting_tool");
  expect(rings).toEqual(["laptop", null]);
  expect(await world.tenant.findCall({ callId })).toMatchObject({ status: "dispatched", attempts: 1 });
  await world.cancel(runId);
  await world.reaches(runId, "canceled");
  expect(rings).toEqual(["laptop", null, "laptop", null]);
  expect(await world.tenant.findCall({ callId })).toMatchObject({ status: "failed", error: { code: "canceled" } });
});
