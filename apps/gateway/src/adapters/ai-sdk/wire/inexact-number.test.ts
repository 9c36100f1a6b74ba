/** A tool must not act on another number than the model named, in whichever form an API sends arguments. */
import { type JsonValue, readExactJson } from "@hsafa/protocol";
import fc from "fast-check";
import { describe, expect, onTestFinished, test } from "vitest";
import { chatEnd, type Reply, sse, startFakeProvider } from "../../../../test/support/fake-provider-server.ts";
import { inShort, stepper } from "../../../../test/support/played-step.ts";
import { asWritten, parseFrame } from "./inexact-number.ts";

const ID = "9007199254740993";
const tool = { name: "clock", description: undefined, inputSchema: { type: "object" } };

/** The events of an answer that calls `clock` with these arguments, which are JSON text. */
const APIS: Readonly<Record<string, (args: string) => Reply>> = {
  "google/gemini-fake": (args) => ({
    chunks: [
      `data: {"candidates":[{"content":{"parts":[{"functionCall":{"name":"clock","args":${args}}}]},"finishReason":"STOP"}]}\n\n`,
    ],
  }),
  "openai-compatible/fake-1": (args) => ({
    chunks: [
      `data: {"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"c","function":{"name":"clock","arguments":${args}}}]}}]}\n\n`,
      chatEnd("tool_calls"),
    ],
  }),
  "anthropic/claude-fake": (args) => ({
    chunks: [
      sse({ type: "message_start", message: { id: "m", usage: { input_tokens: 1 } } }),
      `data: {"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"t","name":"clock","input":${args}}}\n\n`,
      sse({ type: "content_block_stop", index: 0 }),
      sse({ type: "message_delta", delta: { stop_reason: "tool_use" }, usage: { output_tokens: 1 } }),
      sse({ type: "message_stop" }),
    ],
  }),
};

async function callOf(model: string, reply: Reply) {
  const server = await startFakeProvider(reply);
  onTestFinished(() => server.close());
  const access = { baseUrl: server.url, apiKey: "test-key-of-nobody" };
  const { outcome, parts } = await stepper({ google: access, anthropic: access, openaiCompatible: access })(model, {
    tools: [tool],
  });
  if (outcome.kind !== "finished") throw new Error(`expected a finished step, got ${JSON.stringify(outcome)}`);
  return { call: outcome.calls[0], parts };
}

describe.each(Object.entries(APIS))("%s", (model, says) => {
  test("a number that a double would change is a fault of the call, which quotes it as it was written", async () => {
    const { call, parts } = await callOf(model, says(`{"at":{"id":${ID}},"n":1e400,"plain":1.5}`));
    expect(call?.fault).toContain(`'at.id' is the number ${ID}, which would become 9007199254740992`);
    expect(call?.args).toBe(`{"at":{"id":${ID}},"n":1e400,"plain":1.5}`);
    // What watchers see of it is what the model wrote as well.
    expect(inShort(parts).join()).not.toMatch(/\ufdd0|740992/);
  });

  test("numbers that a double keeps are numbers, however they are written", async () => {
    const { call } = await callOf(
      model,
      says('{"a":1234567890123456,"b":0.1000000000000000055511151231257827,"c":1e21}'),
    );
    expect(call).toMatchObject({ args: { a: 1234567890123456, b: 0.1, c: 1e21 }, fault: null });
  });
});

test("arguments that come number by number keep each as it was written", async () => {
  const frame = (functionCall: string) =>
    `data: {"candidates":[{"content":{"parts":[{"functionCall":${functionCall}}]}}]}\n\n`;
  const { call } = await callOf("google/gemini-fake", {
    chunks: [
      frame('{"id":"c","name":"clock","willContinue":true}'),
      frame(`{"partialArgs":[{"jsonPath":"$.id","numberValue":${ID}}],"willContinue":true}`),
      frame("{}"),
      sse({ candidates: [{ finishReason: "STOP" }] }),
    ],
  });
  expect(call?.fault).toContain(`'id' is the number ${ID}`);
});

test("outside of arguments a frame is what JSON.parse makes of it", () => {
  const text = `{"created":1732456789.12345678901,"usage":{"total":${ID}},"deep":[{"arguments":"${ID}"}]}`;
  expect(parseFrame(text)).toEqual(JSON.parse(text));
});

test("whatever the arguments are, they come through as they were, or as written where a double would change them", () => {
  const number = fc.oneof(
    fc.bigInt({ min: -(10n ** 25n), max: 10n ** 25n }).map(String),
    fc.double({ noNaN: true, noDefaultInfinity: true }).map(String),
    fc.tuple(fc.bigInt({ min: 1n, max: 10n ** 30n }), fc.integer({ min: -400, max: 400 })).map(([m, e]) => `${m}e${e}`),
  );
  const value = fc.oneof(
    number,
    fc.string().map((text) => JSON.stringify(text)),
  );
  fc.assert(
    fc.property(fc.array(value), (values) => {
      const text = `{"args":[${values.join(",")}]}`;
      const { args } = parseFrame(text) as { args: JsonValue };
      const direct = readExactJson(text, 9);
      const read = readExactJson(`{"args":${asWritten(JSON.stringify(args))}}`, 9);
      expect(read).toEqual(direct);
    }),
  );
});
