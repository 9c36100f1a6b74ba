/** The answers of OpenAI, Anthropic, Google and xAI, and of servers that copy them, through the providers' packages. */
import type { JsonObject } from "@hsafa/protocol";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { sse } from "../../../../test/support/fake-provider-server.ts";
import { type PlayedStep, stepper } from "../../../../test/support/played-step.ts";

const TEXTS = ["The ", "answer ", "is ü", " 4 🎲."];
const WHOLE = TEXTS.join("");
const ACCESS = { apiKey: "test-key-of-nobody", baseUrl: "http://model.invalid" };
const clock = { name: "clock", description: undefined, inputSchema: { type: "object", properties: {} } };

function step(model: string, pieces: readonly Uint8Array[] | string, status = 200): Promise<PlayedStep> {
  const bytes = typeof pieces === "string" ? [new TextEncoder().encode(pieces)] : pieces;
  const fetch = () => Promise.resolve(new Response(ReadableStream.from(bytes), { status }));
  return stepper({ openai: ACCESS, anthropic: ACCESS, google: ACCESS, xai: ACCESS, fetch })(model, { tools: [clock] });
}

function textOf({ outcome, parts }: PlayedStep): string {
  if (outcome.kind !== "finished") return JSON.stringify(outcome);
  return parts.map((part) => (part.kind === "text" && part.at === "delta" ? part.text : "")).join("");
}

interface Api {
  readonly model: string;
  /** The frames of a whole answer. */
  readonly frames: readonly string[];
  /** Its last frames, without which the answer is torn. */
  readonly closing: number;
  readonly usage: JsonObject;
  /** Frames that say nothing of the answer, as the provider, a proxy or a newer version sends them. */
  readonly odd: readonly string[];
  /** An error within the stream. */
  readonly error: string;
}

const response = { id: "resp_1", created_at: 1, model: "m", object: "response", output: [], status: "in_progress" };
const message = { type: "message", id: "msg_1", role: "assistant", content: [], status: "in_progress" };
const openaiFrames = [
  sse({ type: "response.created", response }),
  sse({ type: "response.output_item.added", output_index: 0, item: message }),
  ...TEXTS.map((delta) =>
    sse({ type: "response.output_text.delta", item_id: "msg_1", output_index: 0, content_index: 0, delta }),
  ),
  sse({ type: "response.output_item.done", output_index: 0, item: { ...message, status: "completed" } }),
  sse({
    type: "response.completed",
    response: { ...response, status: "completed", usage: { input_tokens: 11, output_tokens: 7 } },
  }),
];
const everywhere = [
  ": comment\n\n",
  "data: ping\n\n",
  "data: {}\n\n",
  "data: 7\n\n",
  "data: null\n\n",
  "event: ping\n\n",
  "retry: 1\n\n",
];
const responsesOdd = [
  ...everywhere,
  sse({ type: "keepalive", sequence_number: 3 }),
  sse({ type: "response.output_text.delta", item_id: "msg_1" }),
  sse({ type: "response.output_item.added", output_index: "x" }),
];

const apis: Readonly<Record<string, Api>> = {
  "OpenAI's Responses": {
    model: "openai/m",
    frames: openaiFrames,
    closing: 1,
    usage: { inputTokens: 11, outputTokens: 7 },
    odd: [
      ...responsesOdd,
      sse({ type: "response.audio.delta", delta: "AAAA" }),
      sse({ type: "response.new_thing", x: 1 }),
    ],
    error: sse({
      type: "error",
      code: "context_length_exceeded",
      message: "too long",
      param: null,
      sequence_number: 1,
    }),
  },
  "xAI's Responses": {
    model: "xai/m",
    frames: openaiFrames,
    closing: 1,
    usage: { inputTokens: 11, outputTokens: 7 },
    odd: [...responsesOdd, sse({ type: "response.new_thing", x: 1 })],
    error: sse({
      type: "response.failed",
      response: { ...response, error: { code: "invalid_prompt", message: "too long" } },
    }),
  },
  "Anthropic's Messages": {
    model: "anthropic/m",
    frames: [
      sse({
        type: "message_start",
        message: {
          id: "msg_1",
          model: "m",
          role: "assistant",
          content: [],
          usage: { input_tokens: 11, output_tokens: 1 },
        },
      }),
      sse({ type: "content_block_start", index: 0, content_block: { type: "text", text: "" } }),
      ...TEXTS.map((text) => sse({ type: "content_block_delta", index: 0, delta: { type: "text_delta", text } })),
      sse({ type: "content_block_stop", index: 0 }),
      sse({
        type: "message_delta",
        delta: { stop_reason: "end_turn", stop_sequence: null },
        usage: { output_tokens: 7 },
      }),
      sse({ type: "message_stop" }),
    ],
    closing: 2,
    usage: { inputTokens: 11, outputTokens: 7 },
    odd: [
      ...everywhere,
      sse({ type: "ping" }, "ping"),
      sse({ type: "new_thing", x: 1 }, "new_thing"),
      sse({ type: "content_block_start", index: 7, content_block: { type: "new_block", x: 1 } }),
      sse({ type: "content_block_delta", index: 7, delta: { type: "new_delta", x: 1 } }),
      sse({ type: "content_block_delta", index: 0, delta: { type: "text_delta" } }),
    ],
    error: sse({ type: "error", error: { type: "invalid_request_error", message: "too long" } }, "error"),
  },
  "Google's Gemini": {
    model: "google/m",
    frames: [
      ...TEXTS.map((text) => sse({ candidates: [{ content: { role: "model", parts: [{ text }] } }] })),
      sse({
        candidates: [{ content: { parts: [] }, finishReason: "STOP" }],
        usageMetadata: { promptTokenCount: 11, candidatesTokenCount: 7, totalTokenCount: 18 },
      }),
    ],
    closing: 1,
    usage: { inputTokens: 11, outputTokens: 7 },
    odd: [
      ...everywhere,
      sse({ candidates: [] }),
      sse({ candidates: [{ index: 0 }] }),
      sse({ candidates: [{ content: {}, safetyRatings: "x", groundingMetadata: 7 }] }),
      sse({
        candidates: [
          { content: { parts: [null, { newPart: 1 }, { inlineData: { mimeType: 3 } }] }, finishReason: null },
        ],
      }),
      sse({ responseId: 7, modelVersion: "x" }),
    ],
    error: sse([{ error: { code: 400, message: "too long", status: "INVALID_ARGUMENT" } }]),
  },
};

describe.each(Object.entries(apis))("%s", (_, api) => {
  test("any split of the bytes, and odd frames anywhere, leave the answer and its usage as they are", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(api.frames.length), fc.constantFrom(...api.odd)), { maxLength: 6 }),
        fc.array(fc.nat(4000), { maxLength: 20 }),
        async (inserted, places) => {
          const text = [...api.frames, ""]
            .flatMap((frame, at) => [...inserted.filter(([place]) => place === at).map(([, odd]) => odd), frame])
            .join("");
          const bytes = new TextEncoder().encode(text);
          const ends = [...new Set(places.map((place) => place % bytes.length))].toSorted((one, other) => one - other);
          const pieces = [0, ...ends].map((from, index) => bytes.subarray(from, ends[index] ?? bytes.length));
          const played = await step(api.model, pieces);
          expect(textOf(played)).toBe(WHOLE);
          expect(played.outcome).toMatchObject({ finishReason: "stop", usage: api.usage });
        },
      ),
      { numRuns: 60 },
    );
  }, 60_000);

  test("words that come at once are passed on at once", async () => {
    const { parts } = await step(api.model, api.frames.join(""));
    expect(parts.filter((part) => part.kind === "text" && part.at === "delta")).toMatchObject([{ text: WHOLE }]);
  });

  test("an answer that is torn is asked for again", async () => {
    const torn = api.frames.slice(0, -api.closing).join("");
    expect((await step(api.model, torn)).outcome).toMatchObject({ kind: "failed", failure: { kind: "network" } });
  });

  test("[DONE] closes an answer without a reason", async () => {
    const played = await step(api.model, `${api.frames.slice(0, -api.closing).join("")}data: [DONE]\n\n`);
    expect(textOf(played)).toBe(WHOLE);
    expect(played.outcome).toMatchObject({ finishReason: "stop" });
  });

  test("an error within the stream is told, and is not tried again", async () => {
    const { outcome } = await step(api.model, [...api.frames.slice(0, 3), api.error].join(""));
    expect(outcome).toMatchObject({ kind: "failed", failure: { kind: "bad_request" } });
    expect(JSON.stringify(outcome)).toContain("too long");
  });

  test("an error before anything else is told as well", async () => {
    const { outcome } = await step(api.model, api.error);
    expect(outcome).toMatchObject({ kind: "failed", failure: { kind: "bad_request" } });
    expect(JSON.stringify(outcome)).toContain("too long");
  });

  test.each([
    ["a list", [{ error: { code: 400, message: "why", status: "INVALID_ARGUMENT" } }]],
    ["FastAPI's detail", { detail: [{ loc: ["body"], msg: "why" }] }],
    ["an object of its own", { object: "error", message: "why" }],
    ["a text", "why"],
  ])("a refusal is told in the server's own words: %s", async (__, body) => {
    const { outcome } = await step(api.model, typeof body === "string" ? body : JSON.stringify(body), 400);
    expect(outcome).toMatchObject({ kind: "failed", failure: { kind: "bad_request" } });
    expect(JSON.stringify(outcome)).toContain("why");
  });

  test("frames of another API are no answer, and are not asked for again", async () => {
    const foreign = sse(["what", "is", "this"]) + sse("hello");
    expect((await step(api.model, foreign)).outcome).toMatchObject({ failure: { kind: "bad_response" } });
  });
});
