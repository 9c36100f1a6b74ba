import { afterEach, describe, expect, test } from "vitest";
import { STEP_CHARACTERS_MAX } from "./limits.ts";
import { TOOL_CALLS_PER_STEP_MAX } from "../../core/limits.ts";
import {
  CUT,
  chatChunk,
  chatEnd,
  HOLD,
  type Reply,
  startFakeProvider,
} from "../../../test/support/fake-provider-server.ts";
import { inShort, stepper } from "../../../test/support/played-step.ts";

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((server) => server.close()));
});

/** A server that speaks chat completions, and a way to ask it. */
async function chatServer(...replies: readonly Reply[]) {
  const server = await startFakeProvider(...replies);
  open.push(server);
  const step = stepper({ openaiCompatible: { baseUrl: server.url, apiKey: "secret-of-the-test" } });
  return {
    server,
    step: (options?: Parameters<typeof step>[1]) => step("openai-compatible/fake-1", options),
  };
}

const weather = {
  name: "get_weather",
  description: "Tells the weather",
  inputSchema: { type: "object", properties: { city: { type: "string" } } },
};

function toolDelta(index: number, fields: { id?: string; name?: string; arguments?: string }): string {
  const { id, name, arguments: args } = fields;
  return chatChunk({ tool_calls: [{ index, id, type: "function", function: { name, arguments: args } }] });
}

describe("what a model says", () => {
  test("text and reasoning arrive fragment by fragment, and once more as the message to append", async () => {
    const { step, server } = await chatServer({
      chunks: [
        chatChunk({ role: "assistant", reasoning_content: "Hm" }),
        chatChunk({ reasoning_content: "mm." }),
        chatChunk({ content: "Hel" }),
        chatChunk({ content: "lo" }),
        chatEnd(),
      ],
    });
    const { parts, outcome } = await step({
      system: "Be brief.",
      settings: { temperature: 0.5, maxOutputTokens: 100, stopSequences: ["END"] },
    });
    expect(inShort(parts)).toEqual([
      "reasoning.start p0",
      'reasoning.delta p0 "Hm"',
      'reasoning.delta p0 "mm."',
      "reasoning.end p0",
      "text.start p1",
      'text.delta p1 "Hel"',
      'text.delta p1 "lo"',
      "text.end p1",
    ]);
    expect(outcome).toEqual({
      kind: "finished",
      finishReason: "stop",
      messages: [
        {
          role: "assistant",
          content: [
            { type: "reasoning", text: "Hmmm." },
            { type: "text", text: "Hello" },
          ],
        },
      ],
      calls: [],
      usage: { inputTokens: 11, outputTokens: 7, totalTokens: 18, reasoningTokens: 3, cachedInputTokens: 5 },
    });
    expect(server.requests[0]?.body).toMatchObject({
      model: "fake-1",
      stream: true,
      temperature: 0.5,
      max_tokens: 100,
      stop: ["END"],
      messages: [
        { role: "system", content: "Be brief." },
        { role: "user", content: "hello" },
      ],
    });
    expect(server.requests[0]?.body).not.toHaveProperty("tools");
    expect(server.requests[0]?.headers.authorization).toBe("Bearer secret-of-the-test");
  });

  test("a letter of several bytes cut in two by the network arrives whole", async () => {
    const bytes = Buffer.from(chatChunk({ content: "grüße 🦊 漢字" }));
    const { step } = await chatServer({
      chunks: [...Array.from(bytes, (byte) => Uint8Array.of(byte)), chatEnd()].flatMap((chunk, index) =>
        index % 20 === 0 ? [chunk, { pauseMs: 1 }] : [chunk],
      ),
    });
    const { outcome } = await step();
    expect(outcome).toMatchObject({ messages: [{ content: [{ type: "text", text: "grüße 🦊 漢字" }] }] });
  });

  test("part ids that a provider uses twice in one answer are told apart", async () => {
    const { step } = await chatServer({
      chunks: [
        chatChunk({ reasoning_content: "a" }),
        chatChunk({ content: "b" }),
        chatChunk({ reasoning_content: "c" }),
        chatChunk({ content: "d" }),
        chatEnd(),
      ],
    });
    const { parts } = await step();
    const started = parts.flatMap((part) => (part.kind !== "tool_input" && part.at === "start" ? [part.partId] : []));
    expect(started).toEqual(["p0", "p1", "p2", "p3"]);
  });

  test("an answer with nothing in it adds no message", async () => {
    const { step } = await chatServer({ chunks: [chatEnd("length")] });
    expect((await step()).outcome).toMatchObject({ kind: "finished", finishReason: "length", messages: [], calls: [] });
  });

  test("images and files reach the provider, and the gateway fetches no URL that a user names", async () => {
    const { step, server } = await chatServer({ chunks: [chatChunk({ content: "a dot" }), chatEnd()] });
    const dot = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
    const { outcome } = await step({
      messages: [
        {
          role: "user",
          content: [
            { type: "text", text: "what is it?" },
            { type: "image", image: dot },
            { type: "image", image: "http://127.0.0.1:1/never-fetched.png" },
            { type: "file", data: `data:image/png;base64,${dot}`, mediaType: "image/png" },
          ],
        },
      ],
    });
    expect(outcome.kind).toBe("finished");
    expect(server.requests[0]?.body.messages).toEqual([
      {
        role: "user",
        content: [
          { type: "text", text: "what is it?" },
          { type: "image_url", image_url: { url: `data:image/png;base64,${dot}` } },
          { type: "image_url", image_url: { url: "http://127.0.0.1:1/never-fetched.png" } },
          { type: "image_url", image_url: { url: `data:image/png;base64,${dot}` } },
        ],
      },
    ]);
  });
});

describe("what a model asks for", () => {
  test("parallel calls with interleaved fragments keep their own arguments, under hsafa's ids everywhere", async () => {
    const { step, server } = await chatServer(
      {
        chunks: [
          toolDelta(0, { id: "call_A", name: "get_weather", arguments: "" }),
          toolDelta(1, { id: "call_B", name: "get_weather", arguments: '{"ci' }),
          toolDelta(0, { arguments: '{"city":' }),
          toolDelta(1, { arguments: 'ty":"Rome"}' }),
          toolDelta(0, { arguments: '"Paris"}' }),
          chatEnd("tool_calls"),
        ],
      },
      { chunks: [chatChunk({ content: "warm" }), chatEnd()] },
    );
    const { parts, outcome } = await step({ tools: [weather] });
    expect(inShort(parts).filter((line) => line.includes("hsafa-1"))).toEqual([
      "tool_input.start hsafa-1 get_weather",
      'tool_input.delta hsafa-1 get_weather "{\\"city\\":"',
      'tool_input.delta hsafa-1 get_weather "\\"Paris\\"}"',
      "tool_input.end hsafa-1 get_weather",
    ]);
    if (outcome.kind !== "finished") throw new Error("expected a finished step");
    expect(outcome.calls).toEqual([
      { callId: "hsafa-1", toolName: "get_weather", args: { city: "Paris" }, unparsable: false },
      { callId: "hsafa-2", toolName: "get_weather", args: { city: "Rome" }, unparsable: false },
    ]);
    expect(outcome.messages).toMatchObject([
      {
        role: "assistant",
        content: [
          { type: "tool-call", toolCallId: "hsafa-1", input: { city: "Paris" } },
          { type: "tool-call", toolCallId: "hsafa-2", input: { city: "Rome" } },
        ],
      },
    ]);
    expect(server.requests[0]?.body).toMatchObject({
      tool_choice: "auto",
      tools: [{ type: "function", function: { name: "get_weather", description: "Tells the weather" } }],
    });

    // The provider is given its own ids back: one that keeps the conversation itself knows no others.
    await step({
      tools: [weather],
      messages: [
        { role: "user", content: "hello" },
        ...outcome.messages,
        {
          role: "tool",
          content: ["hsafa-1", "hsafa-2"].map((toolCallId) => ({
            type: "tool-result",
            toolCallId,
            toolName: "get_weather",
            output: { type: "json", value: { degrees: 20 } },
          })),
        },
      ],
    });
    const second = JSON.stringify(server.requests[1]?.body.messages);
    expect(second).not.toContain("hsafa");
    expect(server.requests[1]?.body.messages).toMatchObject([
      { role: "user" },
      { role: "assistant", tool_calls: [{ id: "call_A" }, { id: "call_B" }] },
      { role: "tool", tool_call_id: "call_A" },
      { role: "tool", tool_call_id: "call_B" },
    ]);
  });

  test("another provider is given hsafa's ids, not those of the one before", async () => {
    const { step, server } = await chatServer({ chunks: [chatEnd()] });
    await step({
      messages: [
        { role: "user", content: "hello" },
        {
          role: "assistant",
          content: [
            {
              type: "tool-call",
              toolCallId: "hsafa-9",
              toolName: "t",
              input: {},
              providerOptions: { hsafa: { provider: "xai", callId: "functions.t:0" } },
            },
          ],
        },
        {
          role: "tool",
          content: [
            { type: "tool-result", toolCallId: "hsafa-9", toolName: "t", output: { type: "text", value: "x" } },
          ],
        },
      ],
    });
    expect(server.requests[0]?.body.messages).toMatchObject([
      { role: "user" },
      { tool_calls: [{ id: "hsafa-9" }] },
      { tool_call_id: "hsafa-9" },
    ]);
  });

  test("arguments that are no JSON are handed on as unparsable, and an object stands in for them in the message", async () => {
    const { step } = await chatServer({
      chunks: [toolDelta(0, { id: "c", name: "get_weather", arguments: '{"city": ' }), chatEnd("tool_calls")],
    });
    const { outcome } = await step({ tools: [weather] });
    expect(outcome).toMatchObject({
      calls: [{ callId: "hsafa-1", args: '{"city": ', unparsable: true }],
      messages: [{ content: [{ type: "tool-call", toolCallId: "hsafa-1", input: {} }] }],
    });
  });

  test("arguments nested too deep to be written down again count as unparsable", async () => {
    const deep = "[".repeat(50_000) + "]".repeat(50_000);
    const { step } = await chatServer({
      chunks: [toolDelta(0, { id: "c", name: "get_weather", arguments: deep }), chatEnd("tool_calls")],
    });
    expect((await step({ tools: [weather] })).outcome).toMatchObject({ calls: [{ unparsable: true, args: deep }] });
  });

  test("a call without arguments has an empty object for them", async () => {
    const { step } = await chatServer({
      chunks: [toolDelta(0, { id: "c", name: "get_weather", arguments: "" }), chatEnd("tool_calls")],
    });
    const { outcome, parts } = await step({ tools: [weather] });
    expect(outcome).toMatchObject({ calls: [{ args: {}, unparsable: false }] });
    expect(parts.map((part) => part.at)).toEqual(["start", "end"]);
  });

  test("a call sent whole still has a start, a fragment and an end", async () => {
    const { step } = await chatServer({
      chunks: [toolDelta(0, { id: "c", name: "get_weather", arguments: '{"city":"Oslo"}' }), chatEnd("tool_calls")],
    });
    const { parts } = await step({ tools: [weather] });
    expect(inShort(parts)).toEqual([
      "tool_input.start hsafa-1 get_weather",
      'tool_input.delta hsafa-1 get_weather "{\\"city\\":\\"Oslo\\"}"',
      "tool_input.end hsafa-1 get_weather",
    ]);
  });
});

describe("what goes wrong", () => {
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
    const { step, server } = await chatServer(answers(status, message));
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
    const { step } = await chatServer(answers(429, "slow down", headers));
    expect((await step()).outcome).toMatchObject({ failure: { kind: "rate_limited", retryAfterMs } });
  });

  test("429 with a date asks to wait until then", async () => {
    const { step } = await chatServer(
      answers(429, "slow down", { "retry-after": new Date(Date.now() + 60_000).toUTCString() }),
    );
    const { outcome } = await step();
    const waitMs = outcome.kind === "failed" ? outcome.failure.retryAfterMs : null;
    expect(waitMs).toBeGreaterThan(50_000);
    expect(waitMs).toBeLessThanOrEqual(60_000);
  });

  test("an account without money is not asked again and again", async () => {
    const { step } = await chatServer({
      status: 429,
      chunks: [JSON.stringify({ error: { message: "You exceeded your quota", code: "insufficient_quota" } })],
    });
    expect((await step()).outcome).toMatchObject({ failure: { kind: "other" } });
  });

  test("a key that a provider quotes in its refusal does not get into the record", async () => {
    const { step } = await chatServer(
      answers(401, "Incorrect key: secret-of-the-test or sk-proj-abcdef123456*****7890"),
    );
    const { outcome } = await step();
    expect(outcome).toMatchObject({ failure: { kind: "unauthorized" } });
    expect(JSON.stringify(outcome)).not.toMatch(/secret-of-the-test|abcdef123456/);
    expect(JSON.stringify(outcome)).toContain("OPENAI_COMPATIBLE_API_KEY");
  });

  test("an error inside a 200 stream ends the step, after what was said before it", async () => {
    const { step } = await chatServer({
      chunks: [
        chatChunk({ content: "Hel" }),
        `data: {"error":{"message":"Overloaded","type":"overloaded_error"}}\n\n`,
        HOLD,
      ],
    });
    const { parts, outcome } = await step();
    expect(inShort(parts)).toEqual(["text.start p0", 'text.delta p0 "Hel"']);
    expect(outcome).toMatchObject({ kind: "failed", failure: { kind: "overloaded" } });
  });

  test("a rate limit inside a 200 stream is told as one", async () => {
    const { step } = await chatServer({
      chunks: [`data: {"error":{"message":"Rate limit reached","code":"rate_limit_exceeded"}}\n\n`],
    });
    expect((await step()).outcome).toMatchObject({ failure: { kind: "rate_limited" } });
  });

  test("a socket that breaks in the middle is a network failure", async () => {
    const { step } = await chatServer({ chunks: [chatChunk({ content: "Hel" }), { pauseMs: 20 }, CUT] });
    const { parts, outcome } = await step();
    expect(parts).toHaveLength(2);
    expect(outcome).toMatchObject({ kind: "failed", failure: { kind: "network" } });
  });

  test("a stream that ends politely but without its closing mark is a network failure, not a short answer", async () => {
    const { step } = await chatServer({ chunks: [chatChunk({ content: "Hel" })] });
    expect((await step()).outcome).toMatchObject({ kind: "failed", failure: { kind: "network" } });
  });

  test("a tool call cut short is not executed", async () => {
    const { step } = await chatServer({ chunks: [toolDelta(0, { id: "c", name: "get_weather", arguments: "{}" })] });
    expect((await step({ tools: [weather] })).outcome).toMatchObject({ kind: "failed", failure: { kind: "network" } });
  });

  test("nobody listening is a network failure", async () => {
    const step = stepper({ openaiCompatible: { baseUrl: "http://127.0.0.1:1" } });
    expect((await step("openai-compatible/x")).outcome).toMatchObject({ failure: { kind: "network" } });
  });

  test("a page of HTML instead of a stream is no answer", async () => {
    const { step } = await chatServer({ headers: { "content-type": "text/html" }, chunks: ["<html>hello</html>"] });
    expect((await step()).outcome).toMatchObject({ kind: "failed", failure: { kind: "network" } });
  });

  test("a model that never stops is stopped at the bound", async () => {
    const block = "x".repeat(STEP_CHARACTERS_MAX / 4);
    const { step, server } = await chatServer({
      chunks: [...Array.from({ length: 5 }, () => chatChunk({ content: block })), HOLD],
    });
    const { outcome } = await step();
    expect(outcome).toMatchObject({ kind: "failed", failure: { kind: "other" } });
    await server.clientClosed;
  });

  test("a model that asks for too many tools at once is stopped at the bound", async () => {
    const { step } = await chatServer({
      chunks: [
        ...Array.from({ length: TOOL_CALLS_PER_STEP_MAX + 1 }, (_, index) =>
          toolDelta(index, { id: `c${index}`, name: "get_weather", arguments: "{}" }),
        ),
        chatEnd("tool_calls"),
      ],
    });
    expect((await step({ tools: [weather] })).outcome).toMatchObject({ kind: "failed", failure: { kind: "other" } });
  });
});

describe("silence and aborts", () => {
  test("a stream that only pings is idle", async () => {
    const pings = Array.from({ length: 40 }, () => [": ping\n\n", chatChunk({}), { pauseMs: 10 }]).flat();
    const { step, server } = await chatServer({ chunks: [chatChunk({ content: "Hel" }), ...pings, HOLD] });
    const { parts, outcome } = await step({ idleTimeoutMs: 100 });
    expect(inShort(parts)).toEqual(["text.start p0", 'text.delta p0 "Hel"']);
    expect(outcome).toMatchObject({ kind: "failed", failure: { kind: "idle" } });
    await server.clientClosed;
  });

  test("a model that is slow but speaks is not idle", async () => {
    const slow = Array.from({ length: 8 }, () => [chatChunk({ content: "." }), { pauseMs: 60 }]).flat();
    const { step } = await chatServer({ chunks: [...slow, chatEnd()] });
    expect((await step({ idleTimeoutMs: 200 })).outcome).toMatchObject({ kind: "finished" });
  });

  test("a provider that never answers at all is idle", async () => {
    const server = await startFakeProvider();
    open.push(server);
    const step = stepper({ openaiCompatible: { baseUrl: server.url } });
    const { outcome } = await step("openai-compatible/x", { idleTimeoutMs: 50 });
    expect(outcome).toMatchObject({ kind: "failed", failure: { kind: "idle" } });
  });

  test("whoever is behind is not told more, and the pause is not taken for the model's silence", async () => {
    const { step } = await chatServer({
      chunks: [chatChunk({ content: "one" }), chatChunk({ content: "two" }), chatEnd()],
    });
    let heard = 0;
    let heardAtPause = -1;
    const { outcome } = await step({
      idleTimeoutMs: 100,
      onPart: () => {
        heard += 1;
      },
      room: () => {
        if (heard !== 2) return undefined;
        heardAtPause = heard;
        return new Promise((resolve) => {
          setTimeout(() => {
            expect(heard).toBe(heardAtPause);
            heard += 1;
            resolve();
          }, 350);
        });
      },
    });
    expect(heardAtPause).toBe(2);
    expect(outcome).toMatchObject({ kind: "finished", messages: [{ content: [{ text: "onetwo" }] }] });
  });

  test("an abort in the middle settles at once, says nothing more and closes the socket", async () => {
    const { step, server } = await chatServer({
      chunks: [chatChunk({ content: "one" }), chatChunk({ content: "two" }), HOLD],
    });
    const abort = new AbortController();
    let after = 0;
    const { outcome } = await step({
      signal: abort.signal,
      onPart: () => {
        if (abort.signal.aborted) after += 1;
        else abort.abort();
      },
    });
    expect(outcome).toEqual({ kind: "aborted" });
    expect(after).toBe(0);
    await server.clientClosed;
  });

  test("a call aborted before it began makes no request", async () => {
    const { step, server } = await chatServer({ chunks: [chatEnd()] });
    expect((await step({ signal: AbortSignal.abort() })).outcome).toEqual({ kind: "aborted" });
    expect(server.requests).toHaveLength(0);
  });
});
