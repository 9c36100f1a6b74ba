/** Each provider's own format: what it leaves in the messages, and that the provider gets it back in the next step. */
import type { Message } from "@hsafa/protocol";
import { describe, expect, onTestFinished, test } from "vitest";
import type { ModelOutcome } from "../../ports/model.ts";
import { HOLD, type Reply, sse, startFakeProvider } from "../../../test/support/fake-provider-server.ts";
import { inShort, stepper, withWholeTexts } from "../../../test/support/played-step.ts";

async function serve(...replies: readonly Reply[]) {
  const server = await startFakeProvider(...replies);
  onTestFinished(() => server.close());
  const access = { baseUrl: server.url, apiKey: "test-key-of-nobody" };
  return { server, step: stepper({ openai: access, anthropic: access, google: access, xai: access }) };
}

const clock = { name: "clock", description: undefined, inputSchema: { type: "object", properties: {} } };

/** Returns the conversation after the step, with a result for each of its calls. */
function answered(outcome: ModelOutcome): Message[] {
  if (outcome.kind !== "finished") throw new Error(`expected a finished step, got ${JSON.stringify(outcome)}`);
  const content = outcome.calls.map(({ callId, toolName }) => ({
    type: "tool-result" as const,
    toolCallId: callId,
    toolName,
    output: { type: "text" as const, value: "noon" },
  }));
  return [{ role: "user", content: "time?" }, ...outcome.messages, { role: "tool", content }];
}

describe("OpenAI responses", () => {
  const response = { id: "resp_1", created_at: 1, model: "gpt-fake" };
  const usage = {
    input_tokens: 10,
    input_tokens_details: { cached_tokens: 4 },
    output_tokens: 6,
    output_tokens_details: { reasoning_tokens: 2 },
  };
  const reasoning = { type: "reasoning", id: "rs_1", encrypted_content: "ENCRYPTED", summary: [] };
  const call = { type: "function_call", id: "fc_1", call_id: "call_xyz", name: "clock" };
  const turn = [
    sse({ type: "response.created", response }),
    sse({ type: "response.output_item.added", output_index: 0, item: { ...reasoning, encrypted_content: "" } }),
    sse({ type: "response.reasoning_summary_part.added", item_id: "rs_1", summary_index: 0 }),
    sse({ type: "response.reasoning_summary_text.delta", item_id: "rs_1", summary_index: 0, delta: "I need a clock" }),
    sse({ type: "response.reasoning_summary_part.done", item_id: "rs_1", summary_index: 0 }),
    sse({ type: "response.output_item.done", output_index: 0, item: reasoning }),
    sse({ type: "response.output_item.added", output_index: 1, item: { type: "message", id: "msg_1" } }),
    sse({ type: "response.output_text.delta", item_id: "msg_1", delta: "Let me see." }),
    sse({ type: "response.output_item.done", output_index: 1, item: { type: "message", id: "msg_1" } }),
    sse({ type: "response.output_item.added", output_index: 2, item: { ...call, arguments: "" } }),
    sse({ type: "response.function_call_arguments.delta", item_id: "fc_1", output_index: 2, delta: "{}" }),
    sse({
      type: "response.output_item.done",
      output_index: 2,
      item: { ...call, arguments: "{}", status: "completed" },
    }),
    sse({ type: "response.completed", response: { ...response, usage } }),
  ];

  test("no item that OpenAI may have dropped is named by its id in the next step", async () => {
    const { step, server } = await serve({ chunks: turn });
    const { parts, outcome } = await step("openai/gpt-5-fake", { tools: [clock] });
    expect(server.requests[0]?.path).toBe("/responses");
    expect(inShort(parts)).toEqual([
      "reasoning.start p0",
      'reasoning.delta p0 "I need a clock"',
      "reasoning.end p0",
      "text.start p1",
      'text.delta p1 "Let me see."',
      "text.end p1",
      "tool_input.start hsafa-1 clock",
      'tool_input.delta hsafa-1 clock "{}"',
      "tool_input.end hsafa-1 clock",
    ]);
    expect(outcome).toMatchObject({
      finishReason: "tool-calls",
      calls: [{ callId: "hsafa-1", args: {}, fault: null }],
      usage: { inputTokens: 10, cachedInputTokens: 4, outputTokens: 6, reasoningTokens: 2, totalTokens: 16 },
    });
    await step("openai/gpt-5-fake", { tools: [clock], messages: answered(outcome) });
    expect(server.requests[1]?.body).toMatchObject({ store: false, include: ["reasoning.encrypted_content"] });
    expect(server.requests[1]?.body.input).toEqual([
      { role: "user", content: [{ type: "input_text", text: "time?" }] },
      {
        type: "reasoning",
        encrypted_content: "ENCRYPTED",
        summary: [{ type: "summary_text", text: "I need a clock" }],
      },
      { role: "assistant", content: "Let me see." },
      // OpenAI's own call id.
      { type: "function_call", call_id: "call_xyz", name: "clock", arguments: "{}" },
      { type: "function_call_output", call_id: "call_xyz", output: "noon" },
    ]);
  });

  test("items that an agent lets OpenAI keep are sent whole as well", async () => {
    const { step, server } = await serve({ chunks: turn });
    const settings = { providerOptions: { openai: { store: true, include: ["reasoning.encrypted_content"] } } };
    const { outcome } = await step("openai/gpt-5-fake", { tools: [clock], settings });
    await step("openai/gpt-5-fake", { tools: [clock], settings, messages: answered(outcome) });
    expect(server.requests[1]?.body.store).toBe(true);
    expect(JSON.stringify(server.requests[1]?.body.input)).not.toMatch(/item_reference|rs_1|msg_1|fc_1/);
  });

  test("a failure inside an OpenAI stream has its kind", async () => {
    const error = { code: "rate_limit_exceeded", message: "Rate limit reached" };
    const { step } = await serve({
      chunks: [
        sse({ type: "response.created", response }),
        sse({ type: "response.failed", sequence_number: 1, response: { ...response, error } }),
      ],
    });
    expect((await step("openai/gpt-5-fake")).outcome).toMatchObject({
      kind: "failed",
      failure: { kind: "rate_limited" },
    });
  });

  test("an OpenAI stream without its closing event is a network failure", async () => {
    const { step } = await serve({ chunks: turn.slice(0, 8) });
    expect((await step("openai/gpt-5-fake")).outcome).toMatchObject({ failure: { kind: "network" } });
  });
});

describe("Anthropic messages", () => {
  const event = (data: { type: string } & Record<string, unknown>) => sse(data, data.type);
  const start = event({
    type: "message_start",
    message: {
      id: "msg_1",
      type: "message",
      role: "assistant",
      model: "claude-fake",
      content: [],
      stop_reason: null,
      stop_sequence: null,
      usage: { input_tokens: 9, output_tokens: 1, cache_read_input_tokens: 2, cache_creation_input_tokens: 0 },
    },
  });
  const block = (index: number, content_block: Record<string, unknown>, ...deltas: Record<string, unknown>[]) => [
    event({ type: "content_block_start", index, content_block }),
    ...deltas.map((delta) => event({ type: "content_block_delta", index, delta })),
    event({ type: "content_block_stop", index }),
  ];
  const stop = (stop_reason: string) => [
    event({ type: "message_delta", delta: { stop_reason, stop_sequence: null }, usage: { output_tokens: 8 } }),
    event({ type: "message_stop" }),
  ];
  const turn = [
    start,
    event({ type: "ping" }),
    ...block(
      0,
      { type: "thinking", thinking: "", signature: "" },
      { type: "thinking_delta", thinking: "A clock" },
      { type: "thinking_delta", thinking: " would do." },
      { type: "signature_delta", signature: "SIGNATURE" },
    ),
    ...block(1, { type: "redacted_thinking", data: "REDACTED" }),
    ...block(2, { type: "text", text: "" }, { type: "text_delta", text: "Let me see." }),
    ...block(
      3,
      { type: "tool_use", id: "toolu_1", name: "clock", input: {} },
      { type: "input_json_delta", partial_json: "" },
    ),
    ...stop("tool_use"),
  ];

  test("Anthropic's thinking keeps its signature, without which the next step is refused", async () => {
    const { step, server } = await serve({ chunks: turn });
    const { parts, outcome } = await step("anthropic/claude-fake", { tools: [clock] });
    expect(inShort(withWholeTexts(parts))).toEqual([
      "reasoning.start p0",
      'reasoning.delta p0 "A clock would do."',
      "reasoning.end p0",
      "reasoning.start p1",
      "reasoning.end p1",
      "text.start p2",
      'text.delta p2 "Let me see."',
      "text.end p2",
      "tool_input.start hsafa-1 clock",
      "tool_input.end hsafa-1 clock",
    ]);
    expect(outcome).toMatchObject({ finishReason: "tool-calls", calls: [{ callId: "hsafa-1", args: {} }] });
    await step("anthropic/claude-fake", { tools: [clock], messages: answered(outcome) });
    expect(server.requests[1]?.body.messages).toMatchObject([
      { role: "user" },
      {
        role: "assistant",
        content: [
          { type: "thinking", thinking: "A clock would do.", signature: "SIGNATURE" },
          { type: "redacted_thinking", data: "REDACTED" },
          { type: "text", text: "Let me see." },
          { type: "tool_use", id: "toolu_1", name: "clock", input: {} },
        ],
      },
      { role: "user", content: [{ type: "tool_result", tool_use_id: "toolu_1" }] },
    ]);
  });

  test.each([
    ["overloaded_error", "overloaded"],
    ["rate_limit_error", "rate_limited"],
    ["authentication_error", "unauthorized"],
    ["invalid_request_error", "bad_request"],
  ])("'%s' as the first event of a 200 is told as %s", async (type, kind) => {
    const { step } = await serve({ chunks: [event({ type: "error", error: { type, message: "sorry" } })] });
    expect((await step("anthropic/claude-fake")).outcome).toMatchObject({ kind: "failed", failure: { kind } });
  });

  test("an overload within an Anthropic stream is a failure of kind overloaded", async () => {
    const { step } = await serve({
      chunks: [
        start,
        ...block(0, { type: "text", text: "" }, { type: "text_delta", text: "Hel" }),
        event({ type: "error", error: { type: "overloaded_error", message: "Overloaded" } }),
      ],
    });
    const { parts, outcome } = await step("anthropic/claude-fake");
    expect(parts).toHaveLength(3);
    expect(outcome).toMatchObject({ kind: "failed", failure: { kind: "overloaded" } });
  });

  test("pings of Anthropic alone count as silence", async () => {
    const pings = Array.from({ length: 40 }, () => [event({ type: "ping" }), { pauseMs: 10 }]).flat();
    const { step, server } = await serve({ chunks: [start, ...pings, HOLD] });
    const { outcome } = await step("anthropic/claude-fake", { idleTimeoutMs: 100 });
    expect(outcome).toMatchObject({ kind: "failed", failure: { kind: "idle" } });
    await server.clientClosed;
  });

  test("an Anthropic stream cut off before its end is a network failure", async () => {
    const { step } = await serve({ chunks: turn.slice(0, -2) });
    expect((await step("anthropic/claude-fake", { tools: [clock] })).outcome).toMatchObject({
      failure: { kind: "network" },
    });
  });
});

describe("Google", () => {
  test("Google gets its thought signatures back, and its errors have the kind of their status", async () => {
    const parts = [
      { text: "Hm.", thought: true, thoughtSignature: "SIG-1" },
      { functionCall: { name: "clock", args: { zone: "UTC" } }, thoughtSignature: "SIG-2" },
    ];
    const turn = sse({
      candidates: [{ content: { role: "model", parts }, finishReason: "STOP" }],
      usageMetadata: { promptTokenCount: 3, candidatesTokenCount: 4, totalTokenCount: 7 },
    });
    const refusal = { error: { code: 429, message: "Quota", status: "RESOURCE_EXHAUSTED" } };
    const { step, server } = await serve({ chunks: [turn] }, { status: 429, chunks: [JSON.stringify(refusal)] });
    const { outcome } = await step("google/gemini-fake", { tools: [clock] });
    expect(outcome).toMatchObject({
      finishReason: "tool-calls",
      calls: [{ callId: "hsafa-1", args: { zone: "UTC" } }],
    });
    const second = await step("google/gemini-fake", { tools: [clock], messages: answered(outcome) });
    expect(server.requests[1]?.body.contents).toMatchObject([
      { role: "user" },
      {
        role: "model",
        parts: [
          { text: "Hm.", thought: true, thoughtSignature: "SIG-1" },
          { functionCall: { name: "clock" }, thoughtSignature: "SIG-2" },
        ],
      },
      { role: "user", parts: [{ functionResponse: { name: "clock" } }] },
    ]);
    expect(second.outcome).toMatchObject({ failure: { kind: "rate_limited" } });
  });
});

describe("which models can be called", () => {
  test("a missing key is named by its variable, and no request is made with another provider's key", async () => {
    const step = stepper({});
    expect((await step("openai/gpt-5")).outcome).toMatchObject({
      failure: { kind: "unknown_model", message: expect.stringContaining("OPENAI_API_KEY") as string },
    });
  });

  test("xAI is called with its own key", async () => {
    const { step, server } = await serve({ status: 401, chunks: [JSON.stringify({ error: "no" })] });
    expect((await step("xai/grok-fake")).outcome).toMatchObject({ failure: { kind: "unauthorized" } });
    expect(server.requests[0]?.headers.authorization).toBe("Bearer test-key-of-nobody");
  });
});
