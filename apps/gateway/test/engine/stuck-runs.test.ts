import { afterEach, beforeEach, expect, test } from "vitest";
import { RECOVERIES_MAX } from "../../src/core/limits.ts";
import { StoreUnavailable } from "../../src/ports/store.ts";
import { EngineWorld, type EngineUnderTest, functionTool } from "../support/engine-world.ts";

const TEN_MINUTES_MS = 600_000;

let world: EngineWorld;
beforeEach(async () => {
  world = await EngineWorld.openInMemory();
});
afterEach(() => world.close());

/** These statements are refused, as if they took too long. */
function refuses(gateway: EngineUnderTest, isMeant: (name: string, params: Statement) => boolean): void {
  gateway.fleet.before = async (name, params) => {
    if (isMeant(name, (params ?? {}) as Statement)) throw new StoreUnavailable("the statement takes too long");
  };
}

/** The parameters of a statement of a holder; other statements have none of them. */
interface Statement {
  readonly runId: string;
  /** Of a commit alone. */
  readonly facts?: readonly { readonly type: string }[];
}

test("a run whose own statement never succeeds is not tried for ever: it ends, and what runs beside it does not fail", async () => {
  const gateway = world.gateway({
    functions: { work: () => new Promise((resolve) => void world.time.clock.after(2000, () => resolve(null))) },
  });
  world.model.play = (call) => void call.say("again").finish({ toolName: "work" });
  const quiet = await world.start({ tools: [functionTool("work")], maxSteps: 200 });
  await world.reaches(quiet, "running");
  const stuck = await world.start();
  refuses(gateway, (name, { runId }) => name === "loadRun" && runId === stuck);
  await world.reaches(stuck, "failed", TEN_MINUTES_MS);
  expect(await world.fact(stuck, "run.failed")).toMatchObject({ error: { code: "recovery_exhausted" } });
  expect(await world.status(quiet)).toBe("running");
  expect(await world.types(quiet)).not.toContain("run.recovered");
  expect(gateway.log.errors).toEqual([]);
});

test("a run that is stuck, and is alone, ends too, after a bounded number of claims", async () => {
  const gateway = world.gateway();
  const stuck = await world.start();
  refuses(gateway, (name) => name === "loadRun");
  await world.reaches(stuck, "failed", TEN_MINUTES_MS);
  const message = `The run was taken up ${RECOVERIES_MAX + 1} times without getting any further; each time its gateway was lost.`;
  expect(await world.fact(stuck, "run.failed")).toMatchObject({ error: { code: "recovery_exhausted", message } });
});

test("a step whose end is never written is asked a bounded number of times", async () => {
  const gateway = world.gateway();
  let asked = 0;
  world.model.play = (call) => {
    asked += 1;
    call.say("too much").finish();
  };
  refuses(gateway, (_, { facts = [] }) => facts.some(({ type }) => type === "step.completed"));
  const stuck = await world.start();
  await world.reaches(stuck, "failed", TEN_MINUTES_MS);
  expect(asked).toBe(RECOVERIES_MAX + 1);
});

test("while a store answers claims and nothing else, no run is counted: none is to blame", async () => {
  const gateway = world.gateway();
  const runs = [await world.start(), await world.start()];
  refuses(gateway, (name) => name === "loadRun");
  await world.time.pass(180_000);
  gateway.fleet.before = async () => {};
  world.model.play = (call) => void call.say("on").finish();
  for (const runId of runs) await world.reaches(runId, "completed");
  for (const runId of runs) expect(await world.types(runId)).not.toContain("run.recovered");
});
