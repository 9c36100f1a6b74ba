import { afterEach, beforeEach, expect, test } from "vitest";
import { EngineWorld, externalTool, functionTool } from "../support/engine-world.ts";

const HOUR_MS = 3_600_000;
/** What a run may take beyond its time, in ms: a poll of the claims, and what statements take. */
const LATE_MS = 2000;

let world: EngineWorld;
beforeEach(async () => {
  world = await EngineWorld.openInMemory();
});
afterEach(() => world.close());

const limitOf = async (runId: string): Promise<unknown> =>
  ((await world.fact(runId, "run.failed")) as { error: object }).error;
const overTime = (max: number) => ({ code: "limit_exceeded", data: { limit: "wallTimeMs", max } });

test("a run that waits ends when its time is over, on a gateway that began after the first one was gone", async () => {
  const gone = world.gateway();
  const runId = await world.start({ tools: [externalTool("ask")], limits: { wallTimeMs: HOUR_MS } });
  (await world.model.next()).finish({ toolName: "ask" });
  await world.reaches(runId, "waiting_tool");
  await world.settles("the gateway stops", gone.engine.stop({ drainMs: 0 }));
  await world.time.pass(HOUR_MS / 2);
  const later = world.gateway();
  await world.reaches(runId, "failed", HOUR_MS / 2 + LATE_MS);
  expect(await limitOf(runId)).toMatchObject(overTime(HOUR_MS));
  expect(await world.fact(runId, "tool.failed")).toMatchObject({ error: { code: "canceled" } });
  await world.until("the place is free", () => later.engine.runsHeld === 0);
  await world.checkRecord(runId);
});

test("a run whose time went by while no gateway lived ends as soon as one does", async () => {
  const gone = world.gateway();
  const runId = await world.start({ tools: [externalTool("ask")], limits: { wallTimeMs: HOUR_MS } });
  (await world.model.next()).finish({ toolName: "ask" });
  await world.reaches(runId, "waiting_tool");
  await world.settles("the gateway stops", gone.engine.stop({ drainMs: 0 }));
  await world.time.pass(2 * HOUR_MS);
  world.gateway();
  await world.reaches(runId, "failed", LATE_MS);
  expect(await limitOf(runId)).toMatchObject(overTime(HOUR_MS));
});

test("a step in progress is cut when the run's time is over, and what waited for its end is consumed", async () => {
  const gateway = world.gateway();
  const runId = await world.start({ limits: { wallTimeMs: 5000 } });
  const call = await world.model.next();
  call.say("half a sen");
  await world.say(runId, "and another thing");
  await world.reaches(runId, "failed", 5000 + LATE_MS);
  expect(call.signal.aborted).toBe(true);
  expect(await limitOf(runId)).toMatchObject(overTime(5000));
  expect((await world.types(runId)).slice(-2)).toEqual(["step.discarded", "run.failed"]);
  expect((await world.waiting(runId))?.count).toBe(0);
  await world.until("the place is free", () => gateway.engine.runsHeld === 0);
  await world.checkPublished(runId, gateway);
});

test("a tool that the gateway executes is aborted when the run's time is over", async () => {
  let isAborted = false;
  world.gateway({
    serverTools: {
      perform: ({ signal }) =>
        new Promise(() => signal.addEventListener("abort", () => (isAborted = true), { once: true })),
    },
  });
  const runId = await world.start({ tools: [functionTool("work")], limits: { wallTimeMs: 5000 } });
  (await world.model.next()).finish({ toolName: "work" });
  await world.reaches(runId, "failed", 5000 + LATE_MS);
  await world.until("the tool is aborted", () => isAborted);
  expect(await limitOf(runId)).toMatchObject(overTime(5000));
});

test("a gateway that has lost the price of a model does not ask it for a run with a limit on its cost", async () => {
  const rich = world.gateway({ prices: new Map([["demo/puppet", { input: 0, output: 1_000_000 }]]) });
  const runId = await world.start({
    model: "demo/puppet",
    limits: { costUsd: 100 },
    tools: [externalTool("ask")],
  });
  const [callId = ""] = (await world.model.next()).finish({ toolName: "ask" });
  await world.reaches(runId, "waiting_tool");
  const priced = await world.fact(runId, "step.completed");
  expect(priced).toMatchObject({ usage: { costUsd: expect.any(Number) as unknown } });
  await world.settles("the gateway stops", rich.engine.stop({ drainMs: 0 }));
  world.gateway();
  await world.answer(runId, callId, "ok");
  await world.reaches(runId, "failed");
  expect(await limitOf(runId)).toMatchObject({ code: "price_unknown" });
});
