/** A conversation never dies: it is broken in every way, and the next message on the thread works. */
import type { Run, RunEvent } from "@hsafa/protocol";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { anthropicRules } from "../support/provider-rules/anthropic-rules.ts";
import {
  chatRules,
  deepseekRules,
  geminiChatRules,
  groqRules,
  mistralRules,
  openrouterRules,
} from "../support/provider-rules/chat-rules.ts";
import { googleRules } from "../support/provider-rules/google-rules.ts";
import { responsesRules, xaiRules } from "../support/provider-rules/responses-rules.ts";
import { POISON, type ProviderKind, type Said, startStrictProvider } from "../support/strict-provider.ts";
import { startTestGateway, type TestGateway } from "../support/test-gateway.ts";
import { until } from "../support/until.ts";

const UNREADABLE = "Could not process image";
/** A picture of one point. */
const PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

/** The servers of a thread, by the model that an agent names. */
const KINDS: Readonly<Record<string, ProviderKind>> = {
  "anthropic/claude-fake": { format: "anthropic", rules: anthropicRules },
  "openai/gpt-5-fake": { format: "responses", rules: responsesRules },
  "xai/grok-fake": { format: "responses", rules: xaiRules },
  "google/gemini-3-fake": { format: "google", rules: googleRules({ signsCalls: true }) },
  "openai-compatible/fake-1": {
    format: "chat",
    // This model reads text alone, which its name does not say.
    rules: (call, knowledge) => (call.text.includes("image_url") ? UNREADABLE : chatRules(call, knowledge)),
  },
  "openai-compatible/mistral-large-latest": { format: "chat", rules: mistralRules },
  "openai-compatible/deepseek-reasoner": { format: "chat", rules: deepseekRules },
  "openai-compatible/gemini-3-fake": { format: "chat", rules: geminiChatRules },
  "openai-compatible/openai/gpt-oss-120b": { format: "chat", rules: groqRules },
  "openai-compatible/thinker/one": { format: "openrouter", rules: openrouterRules },
};
const MODELS = Object.keys(KINDS);

const LOOK = { name: "look", args: { q: "x" } };

/** What the model says to a message that names one of these ways to break a conversation. */
const SAID: Readonly<Record<string, Said>> = {
  "way:blank": { text: "\n\n" },
  "way:nothing": {},
  "way:half": { text: "half \ud83d" },
  "way:thought": { reasoning: "I wonder", end: "length" },
  "way:filtered": { end: "filter" },
  "way:held": { holds: true },
  "way:heldblank": { text: "\n", holds: true },
  "way:heldword": { text: "Well", holds: true },
  "way:call": { reasoning: "I should look.", text: "Let me see.", calls: [LOOK] },
  "way:both": { reasoning: "Both.", text: "Let me see.", calls: [LOOK, { name: "listen", args: {} }] },
  "way:signed": { reasoning: "", calls: [LOOK] },
  "way:ask": { calls: [{ name: "pay", args: {} }] },
  "way:unknown": { calls: [{ name: "functions.look \ud83d", args: {} }] },
};

function answer(text: string): Said {
  const tokens = [...text.matchAll(/way:[a-z]+|again/g)];
  const last = tokens.at(-1);
  const since = text.slice(last?.index ?? 0);
  const isAnswered = /tool_result|function_call_output|functionResponse|"role":"tool"/.test(since);
  return isAnswered ? { text: "seen" } : (SAID[last?.[0] ?? ""] ?? { reasoning: "Hm.", text: "fine" });
}

let gateway: TestGateway;
let providers: Awaited<ReturnType<typeof startStrictProvider>>[];

beforeAll(async () => {
  const kindOf = (provider: string) => (model: string) => {
    const kind = KINDS[`${provider}/${model}`];
    if (kind === undefined) throw new Error(`no fake for ${provider}/${model}`);
    return kind;
  };
  const names = ["anthropic", "openai", "google", "xai", "openai-compatible"];
  providers = await Promise.all(names.map((name) => startStrictProvider({ kindOf: kindOf(name), answer })));
  const access = (index: number) => ({ baseUrl: providers[index]?.url, apiKey: "key-of-the-test" });
  gateway = await startTestGateway({
    providers: {
      anthropic: access(0),
      openai: access(1),
      google: access(2),
      xai: access(3),
      openaiCompatible: access(4),
    },
  });
  for (const model of MODELS) {
    const inputSchema = { type: "object" };
    await gateway.pushAgent({
      name: agentOf(model),
      model,
      ...(model.includes("gpt-oss") ? { settings: { providerOptions: { hsafa: { dialect: "groq" } } } } : {}),
      tools: [
        { name: "look", inputSchema, target: "external" },
        { name: "listen", inputSchema, target: "external" },
        { name: "pay", inputSchema, target: "external", approval: "always" },
      ],
    });
  }
});
afterAll(async () => {
  await gateway.close();
  await Promise.all(providers.map((provider) => provider.close()));
});

function agentOf(model: string): string {
  return model.replaceAll(/[^a-z0-9]/g, "-");
}

async function newThread(): Promise<string> {
  return (await gateway.call<{ id: string }>("POST", "/api/threads", {})).body.id;
}

async function start(model: string, threadId: string, input: unknown): Promise<string> {
  return (await gateway.startRun({ agent: agentOf(model), threadId, input })).runId;
}

async function say(model: string, threadId: string, input: unknown): Promise<Run> {
  return gateway.waitForEnd(await start(model, threadId, input));
}

const post = (runId: string, path: string, body: unknown) => gateway.call("POST", `/api/runs/${runId}/${path}`, body);

async function waitForCall(runId: string): Promise<string> {
  await gateway.waitForRun(runId, (run) => run.status === "waiting_tool");
  const call = (await gateway.toolCalls(runId)).at(-1);
  if (call === undefined) throw new Error("the run waits for no call");
  return call.id;
}

/** Starts a run whose answer stops, and cancels it once `seen` is true of its events. */
async function cancelWhen(
  model: string,
  threadId: string,
  input: string,
  seen: (events: RunEvent[]) => boolean,
): Promise<Run> {
  const runId = await start(model, threadId, input);
  await until("the model is at work", async () => seen(await gateway.events(runId)));
  await post(runId, "cancel", {});
  return gateway.waitForEnd(runId);
}

type Way = (model: string, threadId: string) => Promise<Run>;

const WAYS: Readonly<Record<string, Way>> = {
  "an answer of white space": (model, thread) => say(model, thread, "way:blank"),
  "an answer with nothing in it": (model, thread) => say(model, thread, "way:nothing"),
  "half a character": (model, thread) => say(model, thread, "way:half"),
  "an answer cut in its reasoning": (model, thread) => say(model, thread, "way:thought"),
  "an answer that was filtered": (model, thread) => say(model, thread, "way:filtered"),
  "an empty message": (model, thread) => say(model, thread, ""),
  "a message of white space": (model, thread) =>
    say(model, thread, [{ role: "user", content: [{ type: "text", text: " \n" }] }]),
  "a cancel before the first word": (model, thread) =>
    cancelWhen(model, thread, "way:held", (events) => events.some(({ type }) => type === "step.started")),
  "a cancel after white space": (model, thread) =>
    cancelWhen(model, thread, "way:heldblank", (events) => events.some(({ type }) => type === "text.delta")),
  "a cancel after a word": (model, thread) =>
    cancelWhen(model, thread, "way:heldword", (events) => events.some(({ type }) => type === "text.delta")),
  "a cancel while a tool is at work": async (model, thread) => {
    const runId = await start(model, thread, "way:call");
    await waitForCall(runId);
    await post(runId, "cancel", {});
    return gateway.waitForEnd(runId);
  },
  "a result that says nothing": async (model, thread) => {
    const runId = await start(model, thread, "way:call");
    await post(runId, "tool-results", { callId: await waitForCall(runId), result: " " });
    return gateway.waitForEnd(runId);
  },
  "results of calls at once, the last one first": async (model, thread) => {
    const runId = await start(model, thread, "way:both");
    await waitForCall(runId);
    for (const { id } of (await gateway.toolCalls(runId)).toReversed()) {
      await post(runId, "tool-results", { callId: id, result: { of: id } });
    }
    return gateway.waitForEnd(runId);
  },
  "two steps with calls, and a signature without a thought": async (model, thread) => {
    for (const way of ["way:signed", "way:call"]) {
      const runId = await start(model, thread, way);
      await post(runId, "tool-results", { callId: await waitForCall(runId), result: "seen" });
      await gateway.waitForEnd(runId);
    }
    return say(model, thread, "again");
  },
  "a message while a tool is at work": async (model, thread) => {
    const runId = await start(model, thread, "way:call");
    const callId = await waitForCall(runId);
    await post(runId, "messages", { message: "hurry" });
    await post(runId, "tool-results", { callId, result: { seen: true } });
    return gateway.waitForEnd(runId);
  },
  "a call that a person denied": async (model, thread) => {
    const runId = await start(model, thread, "way:ask");
    await post(runId, "approvals", { callId: await waitForCall(runId), approved: false, reason: "" });
    return gateway.waitForEnd(runId);
  },
  "a call of a tool whose name no provider takes": (model, thread) => say(model, thread, "way:unknown"),
  "a file that no model takes": (model, thread) =>
    say(model, thread, [
      { role: "user", content: [{ type: "file", data: "AAAA", mediaType: "application/x-unknown" }] },
    ]),
};

describe.each(MODELS)("a thread with %s", (model) => {
  test.concurrent.each(Object.entries(WAYS))("goes on after %s", async (_name, way) => {
    const threadId = await newThread();
    await way(model, threadId);
    for (const input of ["again", "and again"]) {
      const run = await say(model, threadId, input);
      expect(run).toMatchObject({ status: "completed", error: null, output: "fine" });
    }
  });

  test("goes on after a message that the provider refused, and says what it leaves out", async () => {
    const threadId = await newThread();
    await say(model, threadId, "again");
    const refused = await start(model, threadId, `see ${POISON}`);
    expect(await gateway.waitForEnd(refused)).toMatchObject({
      status: "failed",
      error: { code: "model_bad_request", data: { refused: ["2-0"] } },
    });
    const next = await start(model, threadId, "again");
    expect(await gateway.waitForEnd(next)).toMatchObject({ status: "completed", output: "fine" });
    const completed = (await gateway.events(next)).find((event) => event.type === "step.completed");
    expect(completed?.data).toMatchObject({ leftOut: [{ reason: "refused", runId: refused, position: "2-0" }] });
    expect(JSON.stringify((await gateway.call("GET", `/api/threads/${threadId}/messages`)).body)).toContain(POISON);
  });

  test("goes on after a result that the provider refused", async () => {
    const threadId = await newThread();
    const runId = await start(model, threadId, "way:call");
    await post(runId, "tool-results", { callId: await waitForCall(runId), result: POISON });
    expect(await gateway.waitForEnd(runId)).toMatchObject({ status: "failed", error: { code: "model_bad_request" } });
    expect(await say(model, threadId, "again")).toMatchObject({ status: "completed", output: "fine" });
  });
});

test("a thread goes from provider to provider, with calls and reasoning, and each takes what the others said", async () => {
  const threadId = await newThread();
  for (const model of [...MODELS, ...MODELS.toReversed()]) {
    const runId = await start(model, threadId, "way:call");
    await post(runId, "tool-results", { callId: await waitForCall(runId), result: { seen: true } });
    expect(await gateway.waitForEnd(runId)).toMatchObject({ status: "completed", error: null, output: "seen" });
    expect(await say(model, threadId, "again")).toMatchObject({ status: "completed", error: null, output: "fine" });
  }
  // Only poison may be refused: every other refusal would have spent a request in vain.
  expect(providers.flatMap((provider) => provider.refusals).filter((fault) => fault !== UNREADABLE)).toEqual([]);
});

test("details of reasoning go back to the model that gave them, as they were, and to no other", async () => {
  const threadId = await newThread();
  const model = "openai-compatible/thinker/one";
  const runId = await start(model, threadId, "way:call");
  await post(runId, "tool-results", { callId: await waitForCall(runId), result: "seen" });
  expect(await gateway.waitForEnd(runId)).toMatchObject({ status: "completed", output: "seen" });
  await say(model, threadId, "again");
  const requests = providers.at(-1)?.requests ?? [];
  const told = (JSON.parse(requests.at(-1) ?? "") as { messages: { reasoning_details?: { text?: string }[] }[] })
    .messages;
  const [details] = told.flatMap(({ reasoning_details: of }) => (of === undefined ? [] : [of]));
  expect(details).toMatchObject([
    { type: "reasoning.text", text: "I should look.", format: "fake-v1", index: 0 },
    { type: "reasoning.encrypted", id: "r", format: "fake-v1", index: 1 },
  ]);
  expect(JSON.stringify(details)).toContain('"signature":"signed-');
  expect(await say("openai-compatible/fake-1", threadId, "again")).toMatchObject({ status: "completed" });
  expect(requests.at(-1)).not.toContain("reasoning_details");
});

test("a picture that one model took stops no other model, which is asked for it once, and stays for the first", async () => {
  const threadId = await newThread();
  const [first, second] = ["anthropic/claude-fake", "openai-compatible/fake-1"] as const;
  const seen = [
    {
      role: "user",
      content: [
        { type: "text", text: "again" },
        { type: "image", image: PIXEL },
      ],
    },
  ];
  expect(await say(first, threadId, seen)).toMatchObject({ status: "completed" });
  const chats = providers.at(-1);
  const refusedBefore = chats?.refusals.length ?? 0;
  const runId = await start(second, threadId, "again");
  expect(await gateway.waitForEnd(runId)).toMatchObject({ status: "completed", output: "fine" });
  const events = await gateway.events(runId);
  const data = events.find((event) => event.type === "step.discarded")?.data;
  expect(data).toMatchObject({ reason: "refused", history: "text", error: { code: "model_bad_request" } });
  expect(await say(second, threadId, "again")).toMatchObject({ status: "completed", output: "fine" });
  expect(chats?.refusals).toHaveLength(refusedBefore + 1);
  expect(await say(first, threadId, "again")).toMatchObject({ status: "completed", output: "fine" });
  expect(providers[0]?.requests.at(-1)).toContain(PIXEL);
});
