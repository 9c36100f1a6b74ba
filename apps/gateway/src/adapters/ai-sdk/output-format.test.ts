/** How each provider is asked for an object, on its wire. No provider was called: the fakes take what theirs take. */
import type { JsonObject } from "@hsafa/protocol";
import { describe, expect, onTestFinished, test } from "vitest";
import { chatChunk, chatEnd, type Reply, startFakeProvider } from "../../../test/support/fake-provider-server.ts";
import { stepper } from "../../../test/support/played-step.ts";
import { isClosedSchema } from "./is-closed-schema.ts";

const CLOSED: JsonObject = {
  type: "object",
  properties: { city: { type: "string" } },
  required: ["city"],
  additionalProperties: false,
};
const OPEN: JsonObject = {
  type: "object",
  properties: { city: { type: "string" }, note: { type: "string" } },
  required: ["city"],
};
const clock = { name: "clock", description: undefined, inputSchema: { type: "object", properties: {} } };
const REFUSAL: Reply = { status: 401, chunks: ["{}"] };

/** The body of the request of one step. What the server answers does not matter. */
async function asked(
  model: string,
  outputSchema: JsonObject,
  tools: (typeof clock)[] = [],
): Promise<Record<string, unknown>> {
  const server = await startFakeProvider(REFUSAL);
  onTestFinished(() => server.close());
  const access = { baseUrl: server.url, apiKey: "test-key-of-nobody" };
  const step = stepper({ openai: access, anthropic: access, google: access, xai: access, openaiCompatible: access });
  await step(model, { outputSchema, tools, system: "Be brief." });
  return server.requests[0]?.body ?? {};
}

const INSTRUCTION = /Be brief\.\\n\\nYour final answer is one JSON object.*"city/;

describe("a provider is asked for an object", () => {
  test("OpenAI by the format of the text, strictly if the schema is closed", async () => {
    expect(await asked("openai/gpt-5", CLOSED, [clock])).toMatchObject({
      store: false,
      text: { format: { type: "json_schema", strict: true, schema: CLOSED } },
    });
    const open = await asked("openai/gpt-5", OPEN);
    expect(open).toMatchObject({ text: { format: { type: "json_schema", strict: false, schema: OPEN } } });
    expect(JSON.stringify(open)).not.toMatch(INSTRUCTION);
  });

  test("xAI by the format of the text, which is always strict, or in words", async () => {
    expect(await asked("xai/grok-4", CLOSED)).toMatchObject({
      text: { format: { type: "json_schema", schema: CLOSED } },
    });
    const open = await asked("xai/grok-4", OPEN);
    expect(open.text).toBeUndefined();
    expect(JSON.stringify(open)).toMatch(INSTRUCTION);
  });

  test("Anthropic by the format of its output, or in words, which leave its tools and its thinking free", async () => {
    expect(await asked("anthropic/claude-sonnet-4-5", CLOSED, [clock])).toMatchObject({
      output_config: { format: { type: "json_schema", schema: CLOSED } },
      tools: [{ name: "clock" }],
    });
    const open = await asked("anthropic/claude-sonnet-4-5", OPEN, [clock]);
    expect(open.output_config).toBeUndefined();
    expect(open.tool_choice).toEqual({ type: "auto" });
    expect(JSON.stringify(open.system)).toMatch(INSTRUCTION);
  });

  test("Gemini by the schema of its response", async () => {
    expect(await asked("google/gemini-3-pro", OPEN)).toMatchObject({
      generationConfig: { responseMimeType: "application/json", responseJsonSchema: { type: "object" } },
    });
  });

  test("an unknown server by both, and in words alone while it has tools to call", async () => {
    const bare = await asked("openai-compatible/qwen3", OPEN);
    expect(bare).toMatchObject({
      response_format: { type: "json_schema", json_schema: { strict: false, schema: OPEN } },
    });
    expect(JSON.stringify(bare.messages)).toMatch(INSTRUCTION);
    const withTools = await asked("openai-compatible/qwen3", CLOSED, [clock]);
    expect(withTools.response_format).toBeUndefined();
    expect(JSON.stringify(withTools.messages)).toMatch(INSTRUCTION);
  });

  test("a server that refuses the format is asked again without it, and once only", async () => {
    const refusal = {
      status: 400,
      chunks: [JSON.stringify({ error: { message: "'response_format.type' must be 'text'" } })],
    };
    const answer = { chunks: [chatChunk({ content: '{"city": "Rome"}' }), chatEnd()] };
    const server = await startFakeProvider(refusal, answer);
    onTestFinished(() => server.close());
    const step = stepper({ openaiCompatible: { baseUrl: server.url } });
    const { outcome } = await step("openai-compatible/old", { outputSchema: CLOSED });
    expect(outcome).toMatchObject({ kind: "finished", finishReason: "stop" });
    await step("openai-compatible/old", { outputSchema: CLOSED });
    expect(server.requests.map(({ body }) => "response_format" in body)).toEqual([true, false, false]);
    expect(server.requests.every(({ body }) => "stream_options" in body)).toBe(true);
  });
});

test.each<[boolean, JsonObject]>([
  [true, CLOSED],
  [true, { ...CLOSED, properties: { city: { type: ["string", "null"], enum: ["not", { properties: 1 }] } } }],
  [true, { ...CLOSED, properties: { city: { anyOf: [CLOSED, { type: "null" }] } } }],
  [true, { ...CLOSED, properties: { city: { $ref: "#/$defs/not" } }, $defs: { not: CLOSED } }],
  [false, OPEN],
  [false, { ...CLOSED, additionalProperties: true }],
  [false, { ...CLOSED, properties: { city: OPEN } }],
  [false, { ...CLOSED, properties: { city: { type: "array", items: { type: "object" } } } }],
  [false, { ...CLOSED, allOf: [] }],
  [false, { ...CLOSED, properties: { city: { type: "array", prefixItems: [{}] } } }],
])("whether a schema says everything of its objects: %s for %j", (isClosed, schema) => {
  expect(isClosedSchema(schema)).toBe(isClosed);
});
