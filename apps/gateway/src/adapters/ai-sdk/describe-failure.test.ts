import { JSON_PARTS_MAX } from "@hsafa/protocol";
import { expect, test } from "vitest";
import { TOOL_CALLS_PER_STEP_MAX } from "../../core/limits.ts";
import { startChatProvider, toolCallChunk, WEATHER_TOOL } from "../../../test/support/chat-provider.ts";
import {
  chatChunk,
  chatEnd,
  CUT,
  HOLD,
  type Reply,
  startFakeProvider,
} from "../../../test/support/fake-provider-server.ts";
import { inShort, stepper } from "../../../test/support/played-step.ts";
import { STEP_CHARACTERS_MAX, STEP_PARTS_MAX } from "./limits.ts";

const answers = (status: number, message: string, headers: Record<string, string> = {}): Reply => ({
  status,
  headers: { "content-type": "application/json", ...headers },
  chunks: [JSON.stringify({ error: { message, type: "x", code: null } })],
});

test.each([
  [400, "bad schema", "bad_request"],
  [401, "no such key", "unauthorized"],
  [403, "not in your region", "unauthorized"],
  [404, "The model `fake-1` does not exist", "unknown_model"],
  [404, "no such path", "bad_request"],
  [408, "took too long", "overloaded"],
  [422, "unprocessable", "bad_request"],
  [500, "oops", "overloaded"],
  [503, "busy", "overloaded"],
  [529, "overloaded", "overloaded"],
])("an answer of %i (%s) is a failure of kind %s", async (status, message, kind) => {
  const { step, server } = await startChatProvider(answers(status, message));
  const { outcome } = await step();
  expect(outcome).toMatchObject({ kind: "failed", failure: { kind, retryAfterMs: null } });
  expect(outcome.kind === "failed" && outcome.failure.message).toContain(message);
  expect(server.requests, "no retry of its own").toHaveLength(1);
});

test.each([
  [{ "retry-after": "2" }, 2000],
  [{ "retry-after-ms": "150", "retry-after": "9" }, 150],
  [{}, null],
  [{ "retry-after": "soon" }, null],
])("429 with %j asks to wait %s ms", async (headers, retryAfterMs) => {
  const { step } = await startChatProvider(answers(429, "slow down", headers));
  expect((await step()).outcome).toMatchObject({ failure: { kind: "rate_limited", retryAfterMs } });
});

test("429 with a date asks to wait until then", async () => {
  const { step } = await startChatProvider(
    answers(429, "slow down", { "retry-after": new Date(Date.now() + 60_000).toUTCString() }),
  );
  const { outcome } = await step();
  const waitMs = outcome.kind === "failed" ? outcome.failure.retryAfterMs : null;
  expect(waitMs).toBeGreaterThan(50_000);
  expect(waitMs).toBeLessThanOrEqual(60_000);
});

test("an exhausted quota is no rate limit, since no waiting helps", async () => {
  const { step } = await startChatProvider({
    status: 429,
    chunks: [JSON.stringify({ error: { message: "You exceeded your quota", code: "insufficient_quota" } })],
  });
  expect((await step()).outcome).toMatchObject({ failure: { kind: "other" } });
});

test("a key that a provider quotes in its refusal does not get into the record", async () => {
  const { step } = await startChatProvider(
    answers(401, "Incorrect key: secret-of-the-test or sk-proj-abcdef123456*****7890"),
  );
  const { outcome } = await step();
  expect(outcome).toMatchObject({ failure: { kind: "unauthorized" } });
  expect(JSON.stringify(outcome)).not.toMatch(/secret-of-the-test|abcdef123456/);
  expect(JSON.stringify(outcome)).toContain("OPENAI_COMPATIBLE_API_KEY");
});

test("an error inside a 200 stream ends the step after what was said before it", async () => {
  const { step } = await startChatProvider({
    chunks: [
      chatChunk({ content: "Hel" }),
      `data: {"error":{"message":"Overloaded","type":"overloaded_error"}}\n\n`,
      HOLD,
    ],
  });
  const { parts, outcome } = await step();
  expect(inShort(parts).slice(0, 2)).toEqual(["text.start p0", 'text.delta p0 "Hel"']);
  expect(outcome).toMatchObject({ kind: "failed", failure: { kind: "overloaded" } });
});

test("a rate limit inside a 200 stream is a failure of kind rate_limited", async () => {
  const { step } = await startChatProvider({
    chunks: [`data: {"error":{"message":"Rate limit reached","code":"rate_limit_exceeded"}}\n\n`],
  });
  expect((await step()).outcome).toMatchObject({ failure: { kind: "rate_limited" } });
});

test("a socket that breaks in the middle is a network failure", async () => {
  const { step } = await startChatProvider({ chunks: [chatChunk({ content: "Hel" }), { pauseMs: 20 }, CUT] });
  const { parts, outcome } = await step();
  expect(inShort(parts).slice(0, 2)).toEqual(["text.start p0", 'text.delta p0 "Hel"']);
  expect(outcome).toMatchObject({ kind: "failed", failure: { kind: "network" } });
});

test("a stream that ends politely but without its closing mark is a network failure, not a short answer", async () => {
  const { step } = await startChatProvider({ chunks: [chatChunk({ content: "Hel" })] });
  expect((await step()).outcome).toMatchObject({ kind: "failed", failure: { kind: "network" } });
});

test("a tool call cut short is not executed", async () => {
  const { step } = await startChatProvider({
    chunks: [toolCallChunk(0, { id: "c", name: "get_weather", arguments: "{}" })],
  });
  expect((await step({ tools: [WEATHER_TOOL] })).outcome).toMatchObject({
    kind: "failed",
    failure: { kind: "network" },
  });
});

/** A port on which nobody listens any more. */
async function vacantPort(): Promise<string> {
  const server = await startFakeProvider();
  await server.close();
  return new URL(server.url).port;
}

test.each(["127.0.0.1", "localhost"])(
  "a server of one's own at %s where nobody listens yet may be loading",
  async (host) => {
    const step = stepper({ openaiCompatible: { baseUrl: `http://${host}:${await vacantPort()}` } });
    expect((await step("openai-compatible/x")).outcome).toMatchObject({
      failure: { kind: "network", isLoading: true },
    });
  },
);

test("a provider that refuses connections, and a name that nobody has, are network failures and load nothing", async () => {
  const step = stepper({
    openai: { baseUrl: `http://127.0.0.1:${await vacantPort()}`, apiKey: "k" },
    openaiCompatible: { baseUrl: "http://nobody.invalid" },
  });
  for (const model of ["openai/gpt-5-fake", "openai-compatible/x"]) {
    const { outcome } = await step(model);
    expect(outcome).toMatchObject({ failure: { kind: "network" } });
    expect(outcome).not.toMatchObject({ failure: { isLoading: true } });
  }
});

test("a page of HTML instead of a stream is no answer, and is not asked for again", async () => {
  const { step } = await startChatProvider({
    headers: { "content-type": "text/html" },
    chunks: ["<html><style>p{}</style><p>Log in first</p></html>"],
  });
  const { outcome } = await step();
  expect(outcome).toMatchObject({ kind: "failed", failure: { kind: "bad_response" } });
  expect(outcome.kind === "failed" && outcome.failure.message).toContain("Log in first");
});

test("a model that never stops is stopped at the bound of a step (R9)", async () => {
  const block = "x".repeat(STEP_CHARACTERS_MAX / 4);
  const { step, server } = await startChatProvider({
    chunks: [...Array.from({ length: 5 }, () => chatChunk({ content: block })), HOLD],
  });
  const { outcome } = await step();
  expect(outcome).toMatchObject({ kind: "failed", failure: { kind: "other" } });
  await server.clientClosed;
});

test("a model that opens parts without end is stopped, though it says little (R9)", async () => {
  const pair = chatChunk({ reasoning_content: "a" }) + chatChunk({ content: "a" });
  const { step, server } = await startChatProvider({ chunks: [pair.repeat(STEP_PARTS_MAX / 2), pair, HOLD] });
  const { outcome, parts } = await step();
  const message = `The model began more than ${STEP_PARTS_MAX} parts in one step.`;
  expect(outcome).toMatchObject({ kind: "failed", failure: { kind: "other", message } });
  expect(parts.filter(({ at }) => at === "start")).toHaveLength(STEP_PARTS_MAX);
  await server.clientClosed;
});

test("a message of very many values is a failure, and is not parsed (R9)", async () => {
  const many = JSON.stringify({ choices: [], more: Array.from({ length: JSON_PARTS_MAX }, () => 1) });
  const { step } = await startChatProvider({ chunks: [chatChunk({ content: "a" }), `data: ${many}\n\n`, HOLD] });
  const { outcome } = await step();
  expect(outcome).toMatchObject({ kind: "failed", failure: { kind: "bad_response" } });
  expect(outcome.kind === "failed" && outcome.failure.message).toContain(`more than ${JSON_PARTS_MAX} values`);
});

test("a model that asks for too many tools at once is stopped at the bound of calls (R9)", async () => {
  const { step } = await startChatProvider({
    chunks: [
      ...Array.from({ length: TOOL_CALLS_PER_STEP_MAX + 1 }, (_, index) =>
        toolCallChunk(index, { id: `c${index}`, name: "get_weather", arguments: "{}" }),
      ),
      chatEnd("tool_calls"),
    ],
  });
  expect((await step({ tools: [WEATHER_TOOL] })).outcome).toMatchObject({ kind: "failed", failure: { kind: "other" } });
});
