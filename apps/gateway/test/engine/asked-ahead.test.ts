import { afterEach, beforeEach, expect, test } from "vitest";
import type { Commit } from "../../src/ports/fleet-store.ts";
import { type EngineUnderTest, EngineWorld, externalTool } from "../support/engine-world.ts";

let world: EngineWorld;
let gateway: EngineUnderTest;
/** Commits that open a step wait for this before they reach the store. */
let gate: PromiseWithResolvers<void>;
let commits: Commit[];

beforeEach(async () => {
  world = await EngineWorld.openInMemory();
  gateway = world.gateway();
  gate = Promise.withResolvers<void>();
  commits = [];
  gateway.fleet.before = async (name, params) => {
    if (name !== "commit") return;
    commits.push(params as Commit);
    if (opensStep(params as Commit)) await gate.promise;
  };
});
afterEach(() => world.close());

const opensStep = ({ facts }: Commit): boolean => facts.at(-1)?.type === "step.started";
const shown = (runId: string): string[] => (gateway.published.get(runId) ?? []).map(({ type }) => type);

test("the model is asked while the commit that opens its step is in flight, and nothing of it is shown before (R3)", async () => {
  const runId = await world.start();
  const call = await world.model.next();
  call.say("said ", "ahead").finish();
  await world.time.pass(100);
  expect(await world.types(runId)).toEqual(["run.created", "message.user"]);
  expect(shown(runId)).toEqual([]);
  gate.resolve();
  await world.reaches(runId, "completed");
  expect(shown(runId)).toEqual([
    "run.started",
    "step.started",
    "text.start",
    "text.delta",
    "step.completed",
    "run.completed",
  ]);
  expect(world.model.calls).toEqual([]);
  await world.checkPublished(runId, gateway);
});

test("an input comes before the commit does: the request is aborted, what it said is forgotten, and the next one has the input", async () => {
  const runId = await world.start();
  const first = await world.model.next();
  first.say("too early");
  await world.say(runId, "one thing more");
  gate.resolve();
  const second = await world.model.next();
  expect(first.signal.aborted).toBe(true);
  first.say("and late");
  expect(second.call.messages.map(({ content }) => content)).toEqual(["hi", "one thing more"]);
  second.say("answer").finish();
  await world.reaches(runId, "completed");
  expect(JSON.stringify(await world.events(runId))).not.toMatch(/early|late/);
  await world.checkPublished(runId, gateway);
});

test("of inputs that come again and again only the first costs a request", async () => {
  const runId = await world.start();
  const first = await world.model.next();
  let messages = 0;
  gateway.fleet.before = async (name, params) => {
    if (name === "commit" && opensStep(params as Commit) && messages < 5) await world.say(runId, `more ${messages++}`);
  };
  await world.say(runId, "one thing more");
  gate.resolve();
  const second = await world.model.next();
  expect(first.signal.aborted).toBe(true);
  expect(messages).toBe(5);
  expect(second.call.messages).toHaveLength(7);
  expect(world.model.calls).toEqual([]);
  second.finish();
  await world.reaches(runId, "completed");
});

test("a cancel comes before the commit does: the run ends, and nothing was said", async () => {
  const runId = await world.start();
  const call = await world.model.next();
  call.say("never");
  await world.cancel(runId);
  gate.resolve();
  await world.reaches(runId, "canceled");
  expect(call.signal.aborted).toBe(true);
  expect(await world.types(runId)).toEqual(["run.created", "message.user", "run.started", "run.canceled"]);
  await world.checkPublished(runId, gateway);
});

test("the lease is lost before the commit is known: the request is aborted, and another gateway asks anew", async () => {
  const runId = await world.start();
  const call = await world.model.next();
  call.say("lost");
  gateway.fleet.isAway = true;
  await world.until("the request is aborted", () => call.signal.aborted, 60_000);
  gate.resolve();
  world.gateway();
  const again = await world.model.next();
  again.say("found").finish();
  await world.reaches(runId, "completed");
  expect(shown(runId)).toEqual([]);
});

test("an answer is before the model while the commit that settles its call is in flight", async () => {
  gate.resolve();
  const runId = await world.start({ tools: [externalTool("ask")] });
  const [callId = ""] = (await world.model.next()).finish({ toolName: "ask" });
  await world.reaches(runId, "waiting_tool");
  gate = Promise.withResolvers<void>();
  await world.answer(runId, callId, "42");
  const call = await world.model.next();
  expect(await world.status(runId)).toBe("waiting_tool");
  expect(commits.at(-1)?.facts.map(({ type }) => type)).toEqual(["tool.completed", "run.resumed", "step.started"]);
  call.say("so").finish();
  gate.resolve();
  await world.reaches(runId, "completed");
});
