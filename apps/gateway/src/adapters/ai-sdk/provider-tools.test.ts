/** Tools that providers execute themselves, on their wires: what is recorded of them, and what goes back. */
import type { Message, ProviderTool } from "@hsafa/protocol";
import { describe, expect, onTestFinished, test } from "vitest";
import type { ModelOutcome } from "../../ports/model.ts";
import { type Reply, sse, startFakeProvider } from "../../../test/support/fake-provider-server.ts";
import { inShort, stepper, withWholeTexts } from "../../../test/support/played-step.ts";
import {
  anthropicFailedSearch,
  anthropicPause,
  anthropicSearch,
  openaiSearch,
} from "../../../test/support/search-wire.ts";

async function serve(...replies: readonly Reply[]) {
  const server = await startFakeProvider(...replies);
  onTestFinished(() => server.close());
  const access = { baseUrl: server.url, apiKey: "test-key-of-nobody" };
  return { server, step: stepper({ openai: access, anthropic: access, google: access, xai: access }) };
}

const OPENAI: ProviderTool[] = [{ id: "openai.web_search", args: { searchContextSize: "low" } }];
const ANTHROPIC: ProviderTool[] = [{ id: "anthropic.web_search_20250305", args: { maxUses: 2 } }];
const clock = { name: "clock", description: undefined, inputSchema: { type: "object", properties: {} } };

const after = (outcome: ModelOutcome, ...more: Message[]): Message[] => {
  if (outcome.kind !== "finished") throw new Error(`expected a finished step, got ${JSON.stringify(outcome)}`);
  return [{ role: "user", content: "lemons?" }, ...outcome.messages, ...more];
};
const AGAIN: Message = { role: "user", content: "And limes?" };

describe("OpenAI's search", () => {
  test("cites nothing beyond its text: such a passage is the whole text", async () => {
    // The citation ends at the sixth character.
    const { step } = await serve({ chunks: openaiSearch("Sun.") });
    const { outcome } = await step("openai/gpt-5", { providerTools: OPENAI });
    expect(outcome).toMatchObject({ kind: "finished", citations: [{ source: 0, text: 0 }] });
    expect(JSON.stringify(outcome)).not.toContain('"start":');
  });

  test("is recorded with its exact result and its sources, each once, and asks nobody else", async () => {
    const { step, server } = await serve({ chunks: openaiSearch("Lemons grow.") });
    const { parts, outcome } = await step("openai/gpt-5", { providerTools: OPENAI, tools: [clock] });
    expect(server.requests[0]?.body).toMatchObject({
      tools: [
        { type: "function", name: "clock" },
        { type: "web_search", search_context_size: "low" },
      ],
      include: expect.arrayContaining(["web_search_call.action.sources"]) as string[],
    });
    expect(inShort(parts).filter((part) => !part.startsWith("reasoning"))).toEqual([
      "provider.called hsafa-1 web_search",
      "provider.answered hsafa-1 web_search",
      "source.found https://lemons.example/growing",
      "source.found https://lemons.example/history",
      "text.start p3",
      'text.delta p3 "Lemons grow."',
      "source.found https://lemons.example/growing",
      "text.end p3",
    ]);
    expect(outcome).toMatchObject({
      finishReason: "stop",
      calls: [],
      sources: [
        { type: "url", url: "https://lemons.example/growing", title: "Growing lemons" },
        { type: "url", url: "https://lemons.example/history" },
      ],
      citations: [{ source: 0, text: 0, start: 0, end: 6 }],
      messages: [
        {
          content: [
            { type: "reasoning" },
            { type: "tool-call", toolCallId: "hsafa-1", toolName: "web_search", providerExecuted: true },
            {
              type: "tool-result",
              toolCallId: "hsafa-1",
              output: { type: "json", value: { action: { type: "search", query: "lemons" } } },
            },
            { type: "text", text: "Lemons grow." },
          ],
        },
      ],
    });
  });

  test("goes back to OpenAI after the reasoning that led to it, and to nobody else", async () => {
    const { step, server } = await serve({ chunks: openaiSearch("Lemons grow.") });
    const { outcome } = await step("openai/gpt-5", { providerTools: OPENAI });
    const messages = after(outcome, AGAIN);
    await step("openai/gpt-5", { providerTools: OPENAI, messages });
    expect(server.requests[1]?.body.input).toMatchObject([
      { role: "user" },
      { type: "reasoning", encrypted_content: "ENCRYPTED" },
      { type: "web_search_call", status: "completed", action: { type: "search", query: "lemons" } },
      { role: "assistant", content: "Lemons grow." },
      { role: "user" },
    ]);
    for (const [model, providerTools] of [
      ["openai/gpt-5", []],
      ["openai/gpt-4.1", OPENAI],
      ["anthropic/claude-sonnet-4-5", ANTHROPIC],
      ["google/gemini-3-pro", []],
    ] as const) {
      await step(model, { providerTools, messages });
      const sent = JSON.stringify(server.requests.at(-1)?.body);
      expect(sent).toContain("Lemons grow.");
      expect(sent).not.toMatch(/"web_search_call"|server_tool_use|ENCRYPTED|lemons\.example/);
    }
  });
});

describe("Anthropic's search", () => {
  test("goes back with its encrypted result, without which its citations are lost", async () => {
    const { step, server } = await serve({ chunks: anthropicSearch("Lemons need sun.") });
    const { parts, outcome } = await step("anthropic/claude-sonnet-4-5", { providerTools: ANTHROPIC });
    expect(server.requests[0]?.body.tools).toMatchObject([
      { type: "web_search_20250305", name: "web_search", max_uses: 2 },
    ]);
    expect(inShort(withWholeTexts(parts))).toEqual([
      "provider.called hsafa-1 web_search",
      "provider.answered hsafa-1 web_search",
      "source.found https://lemons.example/growing",
      "text.start p2",
      'text.delta p2 "Lemons need sun."',
      "text.end p2",
    ]);
    expect(outcome).toMatchObject({ citations: [{ source: 0, text: 0, quote: "Lemons need sun." }] });
    await step("anthropic/claude-sonnet-4-5", { providerTools: ANTHROPIC, messages: after(outcome, AGAIN) });
    expect(server.requests[1]?.body.messages).toMatchObject([
      { role: "user" },
      {
        role: "assistant",
        content: [
          { type: "server_tool_use", id: "srvtoolu_1", name: "web_search", input: { query: "lemons" } },
          {
            type: "web_search_tool_result",
            tool_use_id: "srvtoolu_1",
            content: [{ url: "https://lemons.example/growing", encrypted_content: "ENCRYPTED" }],
          },
          { type: "text", text: "Lemons need sun." },
        ],
      },
      { role: "user" },
    ]);
  });

  test("that failed is recorded as failed, and goes back as such", async () => {
    const { step, server } = await serve({ chunks: anthropicFailedSearch("I could not look it up.") });
    const { outcome } = await step("anthropic/claude-sonnet-4-5", { providerTools: ANTHROPIC });
    expect(outcome).toMatchObject({
      messages: [
        {
          content: [
            {},
            { type: "tool-result", output: { type: "error-json", value: { errorCode: "max_uses_exceeded" } } },
            {},
          ],
        },
      ],
    });
    await step("anthropic/claude-sonnet-4-5", { providerTools: ANTHROPIC, messages: after(outcome, AGAIN) });
    expect(JSON.stringify(server.requests[1]?.body.messages)).toContain('"error_code":"max_uses_exceeded"');
  });

  test("that is paused is gone on with: its turn comes last, and nothing stands behind it", async () => {
    const { step, server } = await serve({ chunks: anthropicPause() }, { chunks: anthropicSearch("Done.") });
    const { outcome } = await step("anthropic/claude-sonnet-4-5", { providerTools: ANTHROPIC });
    expect(outcome).toMatchObject({ kind: "finished", paused: true, calls: [] });
    await step("anthropic/claude-sonnet-4-5", { providerTools: ANTHROPIC, messages: after(outcome) });
    const messages = server.requests[1]?.body.messages as { role: string; content: { type: string }[] }[];
    expect(messages.map(({ role }) => role)).toEqual(["user", "assistant"]);
    expect(messages[1]?.content.map(({ type }) => type)).toEqual(["server_tool_use", "web_search_tool_result"]);
  });
});

test("Gemini's code and its outcome go back, and what grounds its answer is a source", async () => {
  const chunks = [
    sse({
      candidates: [
        {
          content: {
            role: "model",
            parts: [
              { executableCode: { language: "PYTHON", code: "print(6 * 7)" } },
              { codeExecutionResult: { outcome: "OUTCOME_OK", output: "42\n" } },
              { text: "It is 42." },
            ],
          },
          finishReason: "STOP",
          groundingMetadata: { groundingChunks: [{ web: { uri: "https://answers.example/", title: "Answers" } }] },
        },
      ],
      usageMetadata: { promptTokenCount: 3, candidatesTokenCount: 4, totalTokenCount: 7 },
    }),
  ];
  const { step, server } = await serve({ chunks });
  const providerTools: ProviderTool[] = [{ id: "google.code_execution" }];
  const { outcome } = await step("google/gemini-3-pro", { providerTools });
  expect(outcome).toMatchObject({
    calls: [],
    sources: [{ type: "url", url: "https://answers.example/", title: "Answers" }],
    messages: [
      {
        content: [
          { providerExecuted: true, input: { code: "print(6 * 7)" } },
          { output: { value: { output: "42\n" } } },
          {},
        ],
      },
    ],
  });
  await step("google/gemini-3-pro", { providerTools, messages: after(outcome, AGAIN) });
  expect(server.requests[1]?.body.contents).toMatchObject([
    { role: "user" },
    {
      role: "model",
      parts: [
        { executableCode: { code: "print(6 * 7)" } },
        { codeExecutionResult: { output: "42\n" } },
        { text: "It is 42." },
      ],
    },
    { role: "user" },
  ]);
});

test("arguments that a provider's tool does not take fail as a bad request, which is not sent", async () => {
  const { step, server } = await serve({ chunks: openaiSearch("x") });
  const providerTools: ProviderTool[] = [{ id: "openai.web_search", args: { searchContextSize: "huge" } }];
  const { outcome } = await step("openai/gpt-5", { providerTools });
  expect(outcome).toMatchObject({ kind: "failed", failure: { kind: "bad_request" } });
  expect(server.requests).toEqual([]);
});

test("a result that cannot be kept exactly is kept as a failure, which says why", async () => {
  const { step } = await serve({
    chunks: anthropicSearch("x").map((chunk) => chunk.replace('"April 30, 2026"', '{"__proto__": 1}')),
  });
  const { outcome } = await step("anthropic/claude-sonnet-4-5", { providerTools: ANTHROPIC });
  expect(JSON.stringify(outcome)).not.toContain("__proto__");
});
