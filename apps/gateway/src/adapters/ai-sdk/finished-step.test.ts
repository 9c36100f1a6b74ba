import { expect, test } from "vitest";
import { startChatProvider, toolCallChunk, WEATHER_TOOL } from "../../../test/support/chat-provider.ts";
import { chatChunk, chatEnd } from "../../../test/support/fake-provider-server.ts";
import { inShort } from "../../../test/support/played-step.ts";

test("parallel calls with interleaved fragments keep their own arguments, under hsafa's ids everywhere", async () => {
  const { step, server } = await startChatProvider(
    {
      chunks: [
        toolCallChunk(0, { id: "call_A", name: "get_weather", arguments: "" }),
        toolCallChunk(1, { id: "call_B", name: "get_weather", arguments: '{"ci' }),
        toolCallChunk(0, { arguments: '{"city":' }),
        toolCallChunk(1, { arguments: 'ty":"Rome"}' }),
        toolCallChunk(0, { arguments: '"Paris"}' }),
        chatEnd("tool_calls"),
      ],
    },
    { chunks: [chatChunk({ content: "warm" }), chatEnd()] },
  );
  const { parts, outcome } = await step({ tools: [WEATHER_TOOL] });
  expect(inShort(parts).filter((line) => line.includes("hsafa-1"))).toEqual([
    "tool_input.start hsafa-1 get_weather",
    'tool_input.delta hsafa-1 get_weather "{\\"city\\":"',
    'tool_input.delta hsafa-1 get_weather "\\"Paris\\"}"',
    "tool_input.end hsafa-1 get_weather",
  ]);
  if (outcome.kind !== "finished") throw new Error("expected a finished step");
  expect(outcome.calls).toEqual([
    { callId: "hsafa-1", toolName: "get_weather", args: { city: "Paris" }, fault: null, written: "whole" },
    { callId: "hsafa-2", toolName: "get_weather", args: { city: "Rome" }, fault: null, written: "whole" },
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

  // The provider gets its own ids back: a provider that keeps the conversation knows only those.
  await step({
    tools: [WEATHER_TOOL],
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

test("another provider gets hsafa's call ids, not the ids of the provider before", async () => {
  const { step, server } = await startChatProvider({ chunks: [chatEnd()] });
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
        content: [{ type: "tool-result", toolCallId: "hsafa-9", toolName: "t", output: { type: "text", value: "x" } }],
      },
    ],
  });
  expect(server.requests[0]?.body.messages).toMatchObject([
    { role: "user" },
    { tool_calls: [{ id: "hsafa-9" }] },
    { tool_call_id: "hsafa-9" },
  ]);
});

test("arguments that are no JSON are passed on as their text, and the message has an empty object for them", async () => {
  const { step } = await startChatProvider({
    chunks: [toolCallChunk(0, { id: "c", name: "get_weather", arguments: '{"city": ' }), chatEnd("tool_calls")],
  });
  const { outcome } = await step({ tools: [WEATHER_TOOL] });
  expect(outcome).toMatchObject({
    calls: [{ callId: "hsafa-1", args: '{"city": ', fault: "they are not valid JSON" }],
    messages: [{ content: [{ type: "tool-call", toolCallId: "hsafa-1", input: {} }] }],
  });
});

test("arguments nested too deep to be serialised again are a fault (R9)", async () => {
  const deep = "[".repeat(50_000) + "]".repeat(50_000);
  const { step } = await startChatProvider({
    chunks: [toolCallChunk(0, { id: "c", name: "get_weather", arguments: deep }), chatEnd("tool_calls")],
  });
  expect((await step({ tools: [WEATHER_TOOL] })).outcome).toMatchObject({
    calls: [{ fault: expect.stringContaining("deeper than 64") as string, args: deep }],
  });
});

test("a call without arguments gets an empty object", async () => {
  const { step } = await startChatProvider({
    chunks: [toolCallChunk(0, { id: "c", name: "get_weather", arguments: "" }), chatEnd("tool_calls")],
  });
  const { outcome, parts } = await step({ tools: [WEATHER_TOOL] });
  expect(outcome).toMatchObject({ calls: [{ args: {}, fault: null }] });
  expect(parts.map((part) => part.at)).toEqual(["start", "end"]);
});

test("a call sent whole still has a start, a fragment and an end", async () => {
  const { step } = await startChatProvider({
    chunks: [toolCallChunk(0, { id: "c", name: "get_weather", arguments: '{"city":"Oslo"}' }), chatEnd("tool_calls")],
  });
  const { parts } = await step({ tools: [WEATHER_TOOL] });
  expect(inShort(parts)).toEqual([
    "tool_input.start hsafa-1 get_weather",
    'tool_input.delta hsafa-1 get_weather "{\\"city\\":\\"Oslo\\"}"',
    "tool_input.end hsafa-1 get_weather",
  ]);
});
