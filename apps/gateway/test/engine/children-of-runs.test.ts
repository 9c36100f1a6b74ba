import type { Usage } from "@hsafa/protocol";
import { afterEach, beforeEach, expect, test } from "vitest";
import { RECOVERIES_MAX } from "../../src/core/limits.ts";
import { EngineWorld, externalTool } from "../support/engine-world.ts";
import type { PuppetCall } from "../support/puppet-model.ts";

/** A cancel reaches the runs below within this time, in ms. */
const SOON_MS = 1000;
const DAY_MS = 24 * 3_600_000;
const research = { name: "research", server: { type: "agent" as const, agent: "researcher" } };
const check = { name: "check", server: { type: "agent" as const, agent: "checker" } };

let world: EngineWorld;
beforeEach(async () => {
  world = await EngineWorld.openInMemory();
});
afterEach(() => world.close());

interface Family {
  readonly parent: string;
  readonly child: string;
  /** The call of the child's model. */
  readonly asked: PuppetCall;
}

type Config = Parameters<EngineWorld["start"]>[0];

/** A run that has started a child, whose model is asked. */
async function family(parentConfig: Config = {}, childConfig: Config = {}): Promise<Family> {
  await world.push({ ...childConfig, name: "researcher" });
  const parent = await world.start({ tools: [research], ...parentConfig });
  const [child = ""] = (await world.model.next()).finish({ toolName: "research", args: { input: "Find lemons." } });
  return { parent, child, asked: await world.model.next() };
}

const ended = async (runId: string): Promise<object> => world.fact(runId, "child.ended");

test("a parent waits parked while its child works, and reads the child's answer as the call's result", async () => {
  const gateway = world.gateway({ runsHeldMax: 1 });
  const { parent, child, asked } = await family();
  expect(await world.status(parent)).toBe("waiting_tool");
  expect(gateway.engine.runsHeld).toBe(1);
  expect(asked.call.messages).toEqual([{ role: "user", content: "Find lemons." }]);
  expect(await world.tenant.findRun({ runId: child })).toMatchObject({
    parentRunId: parent,
    parentCallId: child,
    rootRunId: parent,
    depth: 1,
    agentName: "researcher",
  });
  asked.say("Lemons are in the shed.").finish();
  const again = await world.model.next();
  expect(JSON.stringify(again.call.messages)).toContain("Lemons are in the shed.");
  again.say("They are there.").finish();
  await world.reaches(parent, "completed");
  expect(await world.fact(parent, "tool.completed")).toMatchObject({
    result: "Lemons are in the shed.",
    source: "agent",
  });
  expect(await ended(parent)).toEqual({
    callId: child,
    childRunId: child,
    status: "completed",
    usage: { inputTokens: 1, outputTokens: 2, totalTokens: 3 },
  });
  expect((await world.tenant.findRun({ runId: parent }))?.childrenUsage.totalTokens).toBe(3);
  await world.checkRecord(parent);
  await world.checkRecord(child);
});

test("arguments of a declared schema reach the child as JSON", async () => {
  world.gateway();
  await world.push({ name: "researcher" });
  await world.start({ tools: [{ ...research, inputSchema: { type: "object" } }] });
  (await world.model.next()).finish({ toolName: "research", args: { topic: "lemons", depth: 2 } });
  const asked = await world.model.next();
  expect(asked.call.messages).toEqual([{ role: "user", content: '{"topic":"lemons","depth":2}' }]);
});

test("a child that fails is an error that the model reads, and the parent goes on", async () => {
  world.gateway();
  const { parent, asked } = await family({}, { retry: { maxAttempts: 1 } });
  asked.fail({ kind: "unauthorized", message: "The key is wrong.", retryAfterMs: null });
  (await world.model.next()).say("It failed.").finish();
  await world.reaches(parent, "completed");
  expect(await world.fact(parent, "tool.failed")).toMatchObject({
    error: { code: "child_failed", message: "The agent failed (model_unauthorized): The key is wrong." },
  });
});

test("a child that somebody cancels is an error that the model reads", async () => {
  world.gateway();
  const { parent, child } = await family();
  await world.cancel(child);
  (await world.model.next()).say("It was stopped.").finish();
  await world.reaches(parent, "completed");
  expect(await world.fact(parent, "tool.failed")).toMatchObject({
    error: { code: "child_canceled", message: "The agent was canceled: enough" },
  });
});

test("a cancel reaches children and their children within a second, and leaves none behind", async () => {
  world.gateway();
  world.gateway();
  await world.push({ name: "checker" });
  const { parent, child, asked } = await family({}, { tools: [check] });
  const [grandchild = ""] = asked.finish({ toolName: "check", args: { input: "Is it so?" } });
  await world.model.next();
  await world.cancel(parent);
  for (const runId of [parent, child, grandchild]) await world.reaches(runId, "canceled", SOON_MS);
  expect(await world.fact(grandchild, "run.canceled")).toMatchObject({
    reason: "the run that started it waits for it no longer",
  });
});

test("a parent that ends by its time, or by another call, leaves no child behind", async () => {
  world.gateway();
  const byTime = await family({ limits: { wallTimeMs: 5000 } });
  await world.reaches(byTime.parent, "failed", 5000 + 2 * SOON_MS);
  await world.reaches(byTime.child, "canceled", SOON_MS);
  const hurry = externalTool("hurry", { timeoutMs: 1000, onTimeout: "fail-run" });
  await world.push({ name: "researcher" });
  const byCall = await world.start({ tools: [research, hurry] });
  const step = await world.model.next();
  const [other = ""] = step.finish({ toolName: "research", args: { input: "Find it." } }, { toolName: "hurry" });
  await world.model.next();
  await world.reaches(byCall, "failed", 1000 + 2 * SOON_MS);
  await world.reaches(other, "canceled", SOON_MS);
});

test("a child that never ends expires, is canceled, and what it spent counts all the same", async () => {
  world.gateway();
  const { parent, child, asked } = await family({}, { tools: [externalTool("ask")] });
  asked.finish({ toolName: "ask" });
  await world.reaches(child, "waiting_tool");
  await world.time.pass(DAY_MS);
  const next = await world.model.next();
  expect(JSON.stringify(next.call.messages)).toContain("outcome_unknown");
  await world.reaches(child, "canceled", SOON_MS);
  next.say("Nobody answered.").finish();
  await world.reaches(parent, "completed");
  const types = await world.types(parent);
  expect(types.filter((type) => /^(tool\.expired|child\.ended)$/.test(type))).toEqual(["tool.expired", "child.ended"]);
  expect(await ended(parent)).toMatchObject({ status: "canceled", usage: { totalTokens: 3 } });
});

test("an agent that is not there, is the caller itself, or is too deep below, is an error that the model reads", async () => {
  world.gateway();
  const missing = await world.start({ tools: [research] });
  (await world.model.next()).finish({ toolName: "research", args: { input: "x" } });
  (await world.model.next()).say("none").finish();
  await world.reaches(missing, "completed");
  expect(await world.fact(missing, "tool.failed")).toMatchObject({ error: { code: "unknown_agent" } });

  const { child, asked } = await family(
    { name: "boss" },
    { tools: [{ ...check, server: { type: "agent", agent: "boss" } }] },
  );
  asked.finish({ toolName: "check", args: { input: "Do it yourself." } });
  (await world.model.next()).say("no").finish();
  await world.reaches(child, "completed");
  expect(await world.fact(child, "tool.failed")).toMatchObject({ error: { code: "agent_cycle" } });
  (await world.model.next()).say("no").finish();

  const shallow = await world.start({ tools: [research], limits: { maxDepth: 0 } });
  (await world.model.next()).finish({ toolName: "research", args: { input: "x" } });
  (await world.model.next()).say("none").finish();
  await world.reaches(shallow, "completed");
  expect(await world.fact(shallow, "tool.failed")).toMatchObject({ error: { code: "too_deep" } });
});

test("children of one step share what is left, and what they spend ends the parent when its limit is reached", async () => {
  world.gateway();
  await world.push({ name: "researcher" });
  const parent = await world.start({ tools: [research], limits: { tokens: 9, maxDepth: 2 } });
  const one = { toolName: "research", args: { input: "x" } };
  const children = (await world.model.next()).finish(one, one);
  const asked = [await world.model.next(), await world.model.next()];
  for (const runId of children) {
    const run = await world.tenant.findRun({ runId });
    expect(run?.limits).toMatchObject({ tokens: 3, maxDepth: 1 });
  }
  for (const call of asked) call.say("done").finish();
  await world.reaches(parent, "failed");
  expect(await world.fact(parent, "run.failed")).toMatchObject({
    error: { code: "limit_exceeded", data: { limit: "tokens", max: 9, used: 9 } },
  });
  const run = await world.tenant.findRun({ runId: parent });
  expect([run?.usage, run?.childrenUsage] satisfies (Usage | undefined)[]).toMatchObject([
    { inputTokens: 1, outputTokens: 2 },
    { totalTokens: 6 },
  ]);
});

test("a child whose gateways are lost again and again is given up, and its parent is told", async () => {
  const gateway = world.gateway();
  const { parent, child } = await family();
  await world.settles("the gateway stops", gateway.engine.stop({ drainMs: 0 }));
  await world.losesGateways([child], RECOVERIES_MAX + 1);
  world.gateway();
  (await world.model.next()).say("It was given up.").finish();
  await world.reaches(parent, "completed");
  expect(await world.fact(parent, "tool.failed")).toMatchObject({
    error: { code: "child_failed", message: expect.stringContaining("recovery_exhausted") as unknown },
  });
});
