import { afterEach, beforeEach, expect, test } from "vitest";
import { EngineWorld, externalTool, functionTool } from "../support/engine-world.ts";
import { AN_ACTOR } from "../support/an-actor.ts";

let world: EngineWorld;
beforeEach(async () => {
  world = await EngineWorld.openInMemory();
});
afterEach(() => world.close());

test("a cancel in the middle of a step aborts the model call, and what it said is kept as partial", async () => {
  const gateway = world.gateway();
  const runId = await world.start();
  const call = await world.model.next();
  call.say("half ", "an ", "answer");
  await world.cancel(runId);
  await world.reaches(runId, "canceled");
  expect(call.signal.aborted).toBe(true);
  expect(await world.fact(runId, "step.discarded")).toEqual({ step: 1, reason: "cancel", partial: "half an answer" });
  await world.checkPublished(runId, gateway);
});

test("a cancel whose ring was lost ends a step all the same: a renewal tells of it", async () => {
  world.gateway({ leaseDurationMs: 600 });
  const runId = await world.start();
  await world.model.next();
  await world.tenant.enqueueInput({
    by: AN_ACTOR,
    runId,
    input: { kind: "cancel", reason: null },
    dedupe: { key: "cancel", bodyHash: "" },
  });
  await world.reaches(runId, "canceled");
});

test("a cancel ends a run that is parked, and one that waits to try the model again", async () => {
  world.gateway();
  const parked = await world.start({ tools: [externalTool("ask")] });
  (await world.model.next()).finish({ toolName: "ask" });
  await world.reaches(parked, "waiting_tool");
  await world.cancel(parked);
  await world.reaches(parked, "canceled");
  expect(await world.types(parked)).toContain("tool.failed");

  const retrying = await world.start();
  (await world.model.next()).fail({ kind: "overloaded", message: "busy", retryAfterMs: 60_000 });
  await world.until("the failure is a fact", async () => (await world.types(retrying)).includes("run.retrying"));
  await world.cancel(retrying);
  await world.reaches(retrying, "canceled");
});

test("a cancel while a server tool runs aborts the tool", async () => {
  let isAborted = false;
  world.gateway({
    functions: {
      hang: (_args, { signal }) =>
        new Promise((_, reject) => {
          signal.addEventListener("abort", () => {
            isAborted = true;
            reject(new Error("aborted"));
          });
        }),
    },
  });
  const runId = await world.start({ tools: [functionTool("hang")] });
  (await world.model.next()).finish({ toolName: "hang" });
  await world.until("the tool runs", async () => (await world.types(runId)).includes("tool.dispatched"));
  await world.cancel(runId);
  await world.reaches(runId, "canceled");
  await world.until("the tool is aborted", () => isAborted);
});
