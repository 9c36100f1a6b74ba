/** The answers of servers that copy OpenAI's chat completions, through the provider's package and real sockets. */
import type { JsonObject } from "@hsafa/protocol";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { startChatProvider, toolCallChunk, WEATHER_TOOL } from "../../../../test/support/chat-provider.ts";
import { chatChunk, chatEnd, type Chunk, CUT, HOLD, sse } from "../../../../test/support/fake-provider-server.ts";
import { stepper } from "../../../../test/support/played-step.ts";
import type { ModelOutcome, ModelPart } from "../../../ports/model.ts";

const TEXTS = ["The ", "answer ", "is ü", " 4 🎲."];
const WHOLE = TEXTS.join("");

/** Frames that say nothing of the answer, as servers and proxies send them. */
const ODD_FRAMES = [
  ": OPENROUTER PROCESSING\n\n",
  "data: \n\n",
  "data: ping\n\n",
  "data: keepalive\n\n",
  'data: "ping"\n\n',
  "data: null\n\n",
  "data: 7\n\n",
  "data: []\n\n",
  "data: {}\n\n",
  'data: {"type":"keepalive"}\n\n',
  "event: ping\ndata: {}\n\n",
  "event: keepalive\n\n",
  "id: 9\nretry: 100\n\n",
  "\r\n\r\n",
  sse({ choices: [] }),
  sse({ choices: null }),
  sse({ choices: [], prompt_filter_results: [{ content_filter_results: { hate: { filtered: false } } }] }),
  sse({ choices: [{ index: 0, delta: null, finish_reason: null }] }),
  sse({ choices: [{ index: 0 }] }),
  sse({ id: 12, object: 3, created: "now", model: null, choices: [{ index: "0", delta: {} }] }),
  sse({ choices: [{ index: 0, delta: { role: "model", content: null, tool_calls: null } }], error: null }),
  sse({ choices: [{ index: 0, delta: { content: "", tool_calls: [], refusal: false }, logprobs: "x" }], x: { y: 1 } }),
  sse({ x_groq: { id: "req_1", usage: { prompt_tokens: 11, completion_tokens: 7 } } }),
  sse({ usage: { prompt_tokens: 11, completion_tokens: 7, total_tokens: 18 } }),
  sse({ choices: null, usage: { prompt_tokens: "11", completion_tokens: 7 } }),
  sse({
    choices: [],
    usage: { prompt_tokens: 11, completion_tokens: 7, total_tokens: null, prompt_tokens_details: [] },
  }),
  'data: {"choices":[{"delta":{"content":\n\n',
];

function textOf(outcome: ModelOutcome): string {
  if (outcome.kind !== "finished") return JSON.stringify(outcome);
  return outcome.messages
    .flatMap((message) => (message.role === "assistant" && typeof message.content !== "string" ? message.content : []))
    .map((part) => (part.type === "text" ? part.text : ""))
    .join("");
}

const deltasOf = (parts: readonly ModelPart[], kind: "text" | "reasoning" | "tool_input"): string =>
  parts.map((part) => (part.kind === kind && part.at === "delta" ? part.text : "")).join("");

/** Serves bytes, split as told, without sockets: a property asks for hundreds of streams. */
async function stepOf(bytes: Uint8Array, places: readonly number[]) {
  const ends = [...new Set(places.map((place) => place % (bytes.length + 1)))].toSorted((one, other) => one - other);
  const pieces = [0, ...ends].map((from, index) => bytes.subarray(from, ends[index] ?? bytes.length));
  const fetch = () => Promise.resolve(new Response(ReadableStream.from(pieces)));
  return stepper({ openaiCompatible: { baseUrl: "http://model.invalid/v1" }, fetch })("openai-compatible/m");
}

test("any split of the bytes, and odd frames anywhere, leave the answer and its usage as they are", async () => {
  const frames = [...TEXTS.map((text) => chatChunk({ content: text })), chatEnd()];
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.nat(frames.length), fc.constantFrom(...ODD_FRAMES)), { maxLength: 8 }),
      fc.array(fc.nat(5000), { maxLength: 30 }),
      fc.boolean(),
      async (inserted, places, isCrlf) => {
        const text = [...frames, ""]
          .flatMap((frame, at) => [...inserted.filter(([place]) => place === at).map(([, odd]) => odd), frame])
          .join("");
        const body = isCrlf ? text.replaceAll(/\r?\n/g, "\r\n") : text;
        const { parts, outcome } = await stepOf(new TextEncoder().encode(body), places);
        expect(textOf(outcome)).toBe(WHOLE);
        expect(deltasOf(parts, "text")).toBe(WHOLE);
        expect(outcome).toMatchObject({ finishReason: "stop", usage: { inputTokens: 11, outputTokens: 7 } });
      },
    ),
    { numRuns: 150 },
  );
}, 60_000);

describe("an answer is whole", () => {
  const said = TEXTS.map((text) => chatChunk({ content: text }));
  const finish = chatChunk({}, { finish_reason: "stop" });
  test.each<[string, readonly Chunk[], string]>([
    ["closed by [DONE] without a reason", [...said, "data: [DONE]\n\n"], "stop"],
    ["closed by [DONE] without a line end", [...said, "data: [DONE]"], "stop"],
    ["with the reason and no [DONE]", [...said, finish], "stop"],
    ["when the connection breaks after its reason", [...said, finish, { pauseMs: 30 }, CUT], "stop"],
    ["when the server keeps the connection after [DONE]", [...said, finish, "data: [DONE]\n\n", HOLD], "stop"],
    ["when the server keeps the connection after the reason", [...said, finish, HOLD], "stop"],
    ["with a reason in other words", [...said, chatChunk({}, { finish_reason: "eos_token" })], "stop"],
    ["with Mistral's reason for its length", [...said, chatChunk({}, { finish_reason: "model_length" })], "length"],
    ["with a reason that nobody knows", [...said, chatChunk({}, { finish_reason: "gave_up" })], "other"],
    [
      "as one message of JSON",
      [
        JSON.stringify({
          object: "chat.completion",
          choices: [{ message: { content: WHOLE }, finish_reason: "stop" }],
        }),
      ],
      "stop",
    ],
    ["one JSON a line", [...said, finish].map((frame) => frame.replace(/^data: /, "").replace("\n\n", "\n")), "stop"],
    ["as a list of parts", [chatChunk({ content: [{ type: "text", text: WHOLE }] }), finish], "stop"],
  ])("%s", async (_, chunks, finishReason) => {
    const { step } = await startChatProvider({ chunks });
    const { outcome } = await step({ idleTimeoutMs: 2000 });
    expect(textOf(outcome)).toBe(WHOLE);
    expect(outcome).toMatchObject({ finishReason });
  });
});

test("a stream without a reason and without [DONE] is torn, and is asked for again", async () => {
  const { step } = await startChatProvider({ chunks: [chatChunk({ content: "The" }), "data: ping\n\n"] });
  expect((await step()).outcome).toMatchObject({ kind: "failed", failure: { kind: "network" } });
});

test.each([
  ["reasoning_content", { reasoning_content: "hm" }],
  ["reasoning", { reasoning: "hm" }],
  ["reasoning as an object", { reasoning: { text: "hm" } }],
  ["thinking", { thinking: "hm" }],
  ["reasoning_details", { reasoning_details: [{ type: "reasoning.text", text: "hm" }] }],
  ["reasoning beside its details", { reasoning: "hm", reasoning_details: [{ type: "reasoning.text", text: "hm" }] }],
  ["Mistral's thinking", { content: [{ type: "thinking", thinking: [{ type: "text", text: "hm" }] }] }],
])("reasoning is reasoning in the field %s", async (_, delta) => {
  const { step } = await startChatProvider({ chunks: [chatChunk(delta), chatChunk({ content: "4" }), chatEnd()] });
  const { parts, outcome } = await step();
  expect(deltasOf(parts, "reasoning")).toBe("hm");
  expect(textOf(outcome)).toBe("4");
});

describe("a call is found in every form", () => {
  const args = '{"city":"Rome"}';
  const call = (fields: unknown): string => chatChunk({ tool_calls: fields });
  test.each<[string, readonly string[]]>([
    [
      "OpenAI",
      [toolCallChunk(0, { id: "c", name: "get_weather", arguments: "" }), toolCallChunk(0, { arguments: args })],
    ],
    [
      "arguments as JSON",
      [call([{ index: 0, id: "c", function: { name: "get_weather", arguments: { city: "Rome" } } }])],
    ],
    ["without index and id", [call([{ function: { name: "get_weather", arguments: args } }])]],
    ["an index as text", [call([{ index: "0", id: "c", function: { name: "get_weather", arguments: args } }])]],
    ["a number for an id", [call([{ index: 0, id: 7, function: { name: "get_weather", arguments: args } }])]],
    ["one call instead of a list", [call({ id: "c", function: { name: "get_weather", arguments: args } })]],
    ["the old function_call", [chatChunk({ function_call: { name: "get_weather", arguments: args } })]],
    [
      "the name after the arguments",
      [
        toolCallChunk(0, { id: "c", arguments: '{"city":' }),
        toolCallChunk(0, { name: "get_weather", arguments: '"Rome"}' }),
      ],
    ],
    [
      "fragments without index",
      [
        call([{ id: "c", function: { name: "get_weather", arguments: '{"city":' } }]),
        call([{ function: { arguments: '"Rome"}' } }]),
      ],
    ],
    [
      "a fragment without a function",
      [toolCallChunk(0, { id: "c", name: "get_weather", arguments: args }), call([{ index: 0, id: "c" }])],
    ],
  ])("%s", async (_, chunks) => {
    const { step } = await startChatProvider({ chunks: [...chunks, chatEnd("tool_calls")] });
    const { outcome } = await step({ tools: [WEATHER_TOOL] });
    expect(outcome).toMatchObject({
      finishReason: "tool-calls",
      calls: [{ toolName: "get_weather", args: { city: "Rome" } }],
    });
    expect(outcome.kind === "finished" && outcome.calls).toHaveLength(1);
  });

  test("a call that is never named is told to the model as one that does not exist", async () => {
    const { step } = await startChatProvider({
      chunks: [
        chatChunk({ content: "Let me see." }),
        toolCallChunk(0, { id: "c", arguments: args }),
        chatEnd("tool_calls"),
      ],
    });
    const { outcome } = await step({ tools: [WEATHER_TOOL] });
    expect(textOf(outcome)).toBe("Let me see.");
    expect(outcome).toMatchObject({ calls: [{ toolName: "unnamed_call" }] });
  });
});

describe("an error within a stream is told, with what was said before it", () => {
  const why = "maximum context length is 4096 tokens";
  test.each<[string, string]>([
    ["OpenAI", sse({ error: { message: why, type: "invalid_request_error", code: "context_length_exceeded" } })],
    ["vLLM, older", sse({ object: "error", message: why, type: "BadRequestError", param: null, code: 400 })],
    ["a text", sse({ error: why })],
    ["the event's name", sse({ code: 400, details: why }, "error")],
    ["the event's name, with words", `event: error\ndata: ${why}\n\n`],
    ["the field's name", `error: ${JSON.stringify({ code: 400, message: why })}\n\n`],
    ["no field", `${JSON.stringify({ error: why })}\n`],
    ["FastAPI", sse({ detail: why })],
    ["a list", sse([{ error: { code: 400, message: why, status: "INVALID_ARGUMENT" } }])],
    [
      "OpenRouter",
      sse({ choices: [{ delta: { content: "" }, finish_reason: "error", error: { code: 400, message: why } }] }),
    ],
  ])("%s", async (_, frame) => {
    const { step, server } = await startChatProvider({ chunks: [chatChunk({ content: "Hel" }), frame, HOLD] });
    const { parts, outcome } = await step();
    expect(deltasOf(parts, "text")).toBe("Hel");
    expect(outcome).toMatchObject({ kind: "failed", failure: { kind: "context_exceeded" } });
    expect(JSON.stringify(outcome)).toContain(why);
    expect(server.requests).toHaveLength(1);
  });
});

describe("stream_options", () => {
  const refusing = (body: Record<string, unknown>) => "stream_options" in body;
  function startRefusing() {
    const asked: boolean[] = [];
    const fetch: typeof globalThis.fetch = (_, init) => {
      const body = JSON.parse(init?.body as string) as Record<string, unknown>;
      asked.push(refusing(body));
      return Promise.resolve(
        refusing(body)
          ? Response.json(
              { detail: [{ loc: ["body", "stream_options"], msg: "Extra inputs are not permitted" }] },
              { status: 422 },
            )
          : new Response(chatChunk({ content: WHOLE }) + chatEnd()),
      );
    };
    return { asked, fetch };
  }

  test("a server that refuses it is asked again without it, once, and remembered", async () => {
    const { asked, fetch } = startRefusing();
    const step = stepper({ openaiCompatible: { baseUrl: "http://model.invalid/v1" }, fetch });
    expect(textOf((await step("openai-compatible/m")).outcome)).toBe(WHOLE);
    expect(textOf((await step("openai-compatible/m")).outcome)).toBe(WHOLE);
    expect(asked).toEqual([true, false, false]);
    await step("openai-compatible/other");
    expect(asked.slice(3), "another model of the server may take it").toEqual([true, false]);
  });

  test.each<Record<string, JsonObject>>([
    { openaiCompatible: { stream_options: null } },
    { "openai-compatible": { stream_options: false } },
  ])("an agent leaves it out with %j", async (providerOptions) => {
    const { asked, fetch } = startRefusing();
    const step = stepper({ openaiCompatible: { baseUrl: "http://model.invalid/v1" }, fetch });
    await step("openai-compatible/m", { settings: { providerOptions } });
    expect(asked).toEqual([false]);
  });

  test("a gateway leaves it out with a setting", async () => {
    const { asked, fetch } = startRefusing();
    const step = stepper({ openaiCompatible: { baseUrl: "http://model.invalid/v1", streamOptions: "never" }, fetch });
    await step("openai-compatible/m");
    expect(asked).toEqual([false]);
  });
});
