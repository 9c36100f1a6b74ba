import { EMPTY_RUN_VIEW, nextRunView } from "@hsafa/client/view";
import type { RunEvent } from "@hsafa/protocol";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { expectProblem } from "../support/expect-problem.ts";
import { startFakeProvider } from "../support/fake-provider-server.ts";
import { GATEWAY_PAIRS, type GatewayPair } from "../support/gateway-pairs.ts";
import { anthropicPause, anthropicSearch, openaiSearch } from "../support/search-wire.ts";

type FakeProvider = Awaited<ReturnType<typeof startFakeProvider>>;

const GROWING = { type: "url", url: "https://lemons.example/growing", title: "Growing lemons" };
const DEMO = [
  [
    { search: "{{user}}", found: [{ url: GROWING.url, title: GROWING.title }], everyMs: 20 },
    { say: "Lemons need sun." },
    { call: "note", args: { of: "lemons" } },
  ],
  [{ say: "Noted." }],
];

describe.each(GATEWAY_PAIRS)("tools that providers execute, %s", (_name, openPair, isSkipped) => {
  describe.skipIf(isSkipped)("and their sources", () => {
    let pair: GatewayPair;
    let openai: FakeProvider;
    let anthropic: FakeProvider;
    beforeAll(async () => {
      openai = await startFakeProvider({ chunks: openaiSearch("Lemons need sun.") });
      anthropic = await startFakeProvider({ chunks: anthropicPause() }, { chunks: anthropicSearch("They need sun.") });
      const access = { apiKey: "test-key-of-nobody" };
      pair = await openPair({
        providers: { openai: { ...access, baseUrl: openai.url }, anthropic: { ...access, baseUrl: anthropic.url } },
      });
    });
    afterAll(async () => {
      await pair.close();
      await openai.close();
      await anthropic.close();
    });

    const typesOf = (events: readonly RunEvent[]): string[] =>
      events.map(({ type }) => type).filter((type) => /^(provider|source|tool)\./.test(type));

    test("a search is shown while it happens, stands in the step with its result, and goes to no device", async () => {
      const note = { name: "note", target: "external" as const, inputSchema: { type: "object" } };
      const settings = { providerOptions: { demo: { script: DEMO } } };
      const providerTools = [{ id: "demo.web_search" as const }];
      await pair.a.pushAgent({ name: "searcher", model: "demo/script", tools: [note], providerTools, settings });
      const { runId } = await pair.a.startRun({ agent: "searcher", input: "lemons" });
      await pair.b.waitForRun(runId, ({ status }) => status === "waiting_tool");
      const calls = await pair.b.toolCalls(runId);
      expect(calls.map(({ toolName }) => toolName)).toEqual(["note"]);
      await pair.b.call("POST", `/api/runs/${runId}/tool-results`, { callId: calls[0]?.id, result: "ok" });
      const events = await pair.b.watch(runId);
      expect(typesOf(events).slice(0, 3)).toEqual(["provider.called", "provider.answered", "source.found"]);
      expect(typesOf(events).filter((type) => type === "tool.requested")).toHaveLength(1);
      const completed = events.find(({ type }) => type === "step.completed");
      expect(completed?.data).toMatchObject({
        sources: [GROWING],
        messages: [
          {
            content: [
              { type: "tool-call", toolName: "web_search", input: { query: "lemons" }, providerExecuted: true },
              { type: "tool-result", output: { type: "json", value: [{ url: GROWING.url, title: GROWING.title }] } },
              { type: "text", text: "Lemons need sun." },
              { type: "tool-call", toolName: "note" },
            ],
          },
        ],
      });
      const live = events.reduce(nextRunView, EMPTY_RUN_VIEW);
      const facts = events.filter(({ id }) => id.endsWith("-0")).reduce(nextRunView, EMPTY_RUN_VIEW);
      expect(live).toEqual(facts);
      expect(live.messages[1]).toMatchObject({
        sources: [GROWING],
        parts: [{ type: "provider-tool", state: "completed", args: { query: "lemons" } }, {}, { type: "tool" }],
      });
    });

    test("OpenAI's search goes back to it in the next run of the thread", async () => {
      const providerTools = [{ id: "openai.web_search" as const, args: { searchContextSize: "low" } }];
      await pair.a.pushAgent({ name: "openai-searcher", model: "openai/gpt-5", providerTools });
      const threadId = `lemons-${_name}`;
      for (const input of ["lemons?", "limes?"]) {
        const { runId } = await pair.a.startRun({ agent: "openai-searcher", input, threadId });
        expect(await pair.b.waitForEnd(runId)).toMatchObject({ status: "completed", output: "Lemons need sun." });
      }
      expect(openai.requests[1]?.body.input).toMatchObject([
        { role: "user" },
        { type: "reasoning" },
        { type: "web_search_call" },
        { role: "assistant" },
        { role: "user" },
      ]);
    });

    test("a turn that Anthropic pauses goes on in another step, and the run ends with the answer", async () => {
      const providerTools = [{ id: "anthropic.web_search_20250305" as const }];
      await pair.a.pushAgent({ name: "anthropic-searcher", model: "anthropic/claude-sonnet-4-5", providerTools });
      const { runId } = await pair.a.startRun({ agent: "anthropic-searcher", input: "lemons?" });
      expect(await pair.b.waitForEnd(runId)).toMatchObject({ status: "completed", steps: 2, output: "They need sun." });
      const [paused, ended] = (await pair.b.events(runId)).filter(({ type }) => type === "step.completed");
      expect(paused?.data).toMatchObject({ paused: true });
      expect(ended?.data).not.toHaveProperty("paused");
      const messages = anthropic.requests[1]?.body.messages as { role: string }[];
      expect(messages.map(({ role }) => role)).toEqual(["user", "assistant"]);
    });

    test("a start names which of them it has, and one that no provider executes is refused at the push", async () => {
      const { runId } = await pair.a.startRun({ agent: "openai-searcher", input: "none", tools: [] });
      await pair.b.waitForEnd(runId);
      expect(openai.requests.at(-1)?.body.tools).toBeUndefined();
      const named = await pair.a.startRun({ agent: "openai-searcher", input: "one", tools: ["web_search"] });
      await pair.b.waitForEnd(named.runId);
      expect(openai.requests.at(-1)?.body.tools).toMatchObject([{ type: "web_search" }]);
      for (const [providerTool, message] of [
        [{ id: "openai.computer" }, /must be a tool that a provider executes itself/],
        [{ id: "google.google_search" }, /is a tool of 'google', and the model's provider is 'openai'/],
        [{ id: "openai.web_search", args: [] }, /must be a JSON object/],
      ] as const) {
        const config = { name: "refused", model: "openai/gpt-5", providerTools: [providerTool] };
        const push = await pair.a.call("POST", "/api/agents", { name: "refused", config });
        expect(expectProblem(push, 422, "invalid_agent_config").errors).toMatchObject([
          { message: expect.stringMatching(message) as string },
        ]);
      }
      const tools = [{ name: "web_search", inputSchema: { type: "object" }, target: "external" }];
      const config = { name: "refused", model: "openai/gpt-5", tools, providerTools: [{ id: "openai.web_search" }] };
      const twice = await pair.a.call("POST", "/api/agents", { name: "refused", config });
      expect(expectProblem(twice, 422, "invalid_agent_config").errors).toMatchObject([
        { path: "config.providerTools.0.id", message: "is shown as 'web_search', which names another tool" },
      ]);
    });
  });
});
