import type { Message } from "@hsafa/protocol";
import { afterEach, beforeEach, expect, test } from "vitest";
import { parseFact } from "../../src/core/event-record.ts";
import { SUMMARY_INSTRUCTION } from "../../src/core/thread-summary.ts";
import { EngineWorld } from "../support/engine-world.ts";

const TOO_LONG = {
  kind: "context_exceeded",
  message: "maximum context length is 1000 tokens",
  retryAfterMs: null,
} as const;
const LONG = "x".repeat(2000);

let world: EngineWorld;
beforeEach(async () => {
  world = await EngineWorld.openInMemory();
});
afterEach(() => world.close());

async function factsOf(runId: string) {
  const records = await world.tenant.readEvents({ runId, after: { seq: 0, sub: 0 }, limit: 200, factsOnly: true });
  return records.map(parseFact);
}

/** Runs on the thread that say something long, one after the other. */
async function talk(count: number, threadId: string): Promise<string[]> {
  const runIds: string[] = [];
  for (let index = 0; index < count; index += 1) {
    const runId = await world.start({}, threadId);
    (await world.model.next()).say(`${index} ${LONG}`).finish();
    await world.reaches(runId, "completed");
    runIds.push(runId);
  }
  return runIds;
}

const texts = (messages: readonly Message[]): string => JSON.stringify(messages);

test("a conversation that a provider finds too long is shown again with less, and the run completes and says so", async () => {
  const gateway = world.gateway();
  await talk(4, "t");
  const runId = await world.start({}, "t");
  const first = await world.model.next();
  first.fail(TOO_LONG);
  const second = await world.model.next();
  expect(second.call.messages.length).toBeLessThan(first.call.messages.length);
  expect(second.call.messages.at(-1)).toEqual({ role: "user", content: "hi" });
  second.say("fine").finish();
  await world.reaches(runId, "completed");
  const facts = await factsOf(runId);
  expect(facts.find(({ type }) => type === "step.discarded")).toMatchObject({
    data: {
      reason: "error",
      error: { code: "model_context_exceeded" },
      contextTokensMax: expect.any(Number) as number,
    },
  });
  expect(facts.find(({ type }) => type === "step.completed")).toMatchObject({
    data: { leftOut: [{ reason: "too_long" }] },
  });
  await world.checkPublished(runId, gateway);
});

test("the last try shows the run alone; a run that is too long by itself fails at once with the provider's words", async () => {
  world.gateway();
  await talk(4, "t");
  const runId = await world.start({}, "t");
  let asked = await world.model.next();
  while (asked.call.messages.length > 1) {
    asked.fail(TOO_LONG);
    asked = await world.model.next();
  }
  asked.fail(TOO_LONG);
  await world.reaches(runId, "failed");
  expect((await world.tenant.findRun({ runId }))?.error).toEqual({
    code: "model_context_exceeded",
    message: TOO_LONG.message,
  });
});

test("with `fail` a run fails before its model is asked, with the size and the cure", async () => {
  world.gateway();
  await talk(2, "t");
  const runId = await world.start({ history: { maxTokens: 600, overflow: "fail" } }, "t");
  await world.reaches(runId, "failed");
  expect((await world.tenant.findRun({ runId }))?.error).toMatchObject({
    code: "model_context_exceeded",
    message: expect.stringContaining("600 are allowed") as string,
  });
  expect(world.model.calls).toHaveLength(0);
});

const summarizing = { history: { maxTokens: 1200, overflow: "summarize" }, maxSteps: 1 } as const;

test("a summary is a step of its own, which nobody takes for an answer, and later runs use it", async () => {
  const gateway = world.gateway();
  const runIds = await talk(4, "t");
  const runId = await world.start(summarizing, "t");
  const summary = await world.model.next();
  expect(summary.call).toMatchObject({ system: SUMMARY_INSTRUCTION, tools: [] });
  expect(texts(summary.call.messages)).toContain(`2 ${LONG}`);
  summary.say("They counted", " to three.").finish();
  const answer = await world.model.next();
  expect(texts(answer.call.messages)).toContain("They counted to three.");
  expect(texts(answer.call.messages)).not.toContain(`2 ${LONG}`);
  expect(texts(answer.call.messages)).toContain(`3 ${LONG}`);
  answer.say("four").finish();
  await world.reaches(runId, "completed");
  expect(await world.tenant.findRun({ runId })).toMatchObject({
    output: "four",
    usage: { inputTokens: 2, outputTokens: 4 },
  });
  const facts = await factsOf(runId);
  expect(facts.filter(({ type }) => type.startsWith("step."))).toMatchObject([
    { type: "step.started", data: { step: 1 } },
    { type: "step.discarded", data: { reason: "history", summarizesThrough: runIds[2] } },
    { type: "step.started", data: { step: 1, summarizesThrough: runIds[2] } },
    {
      type: "step.completed",
      data: { messages: [], summary: { text: "They counted to three.", throughRunId: runIds[2] } },
    },
    { type: "step.started", data: { step: 2 } },
    { type: "step.completed", data: { step: 2 } },
  ]);
  await world.checkPublished(runId, gateway);

  const later = await world.start(summarizing, "t");
  const reused = await world.model.next();
  expect(reused.call.system).toBeUndefined();
  expect(texts(reused.call.messages)).toContain("They counted to three.");
  reused.say("five").finish();
  await world.reaches(later, "completed");
});

test("a gateway that stops in the middle of a summary hands it over, and the next one makes it", async () => {
  const gateway = world.gateway();
  await talk(4, "t");
  const runId = await world.start(summarizing, "t");
  (await world.model.next()).say("They cou");
  await world.settles("the gateway stops", gateway.engine.stop({ drainMs: 0 }));
  world.gateway();
  const summary = await world.model.next();
  expect(summary.call.system).toBe(SUMMARY_INSTRUCTION);
  summary.say("They counted.").finish();
  const answer = await world.model.next();
  expect(texts(answer.call.messages)).toContain("They counted.");
  answer.say("four").finish();
  await world.reaches(runId, "completed");
});

test("without a summary that was due the run goes on, shows less of its thread, and says why", async () => {
  world.gateway();
  await talk(4, "t");
  const runId = await world.start(summarizing, "t");
  (await world.model.next()).fail({ kind: "overloaded", message: "busy", retryAfterMs: null });
  const answer = await world.model.next();
  expect(answer.call.system).toBeUndefined();
  answer.say("four").finish();
  await world.reaches(runId, "completed");
  const completed = (await factsOf(runId)).find(({ type }) => type === "step.completed");
  expect(JSON.stringify(completed)).toContain("a summary of them, which failed: busy");
});
