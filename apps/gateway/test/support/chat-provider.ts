import { onTestFinished } from "vitest";
import { chatChunk, type Reply, startFakeProvider } from "./fake-provider-server.ts";
import { stepper } from "./played-step.ts";

/** A key that no failure may quote. */
export const CHAT_API_KEY = "secret-of-the-test";

/** A tool that a model may call. */
export const WEATHER_TOOL = {
  name: "get_weather",
  description: "Tells the weather",
  inputSchema: { type: "object", properties: { city: { type: "string" } } },
};

/** Starts a provider that speaks OpenAI's chat completions until the test ends. `step` asks its model for one step. */
export async function startChatProvider(...replies: readonly Reply[]) {
  const server = await startFakeProvider(...replies);
  onTestFinished(() => server.close());
  const step = stepper({ openaiCompatible: { baseUrl: server.url, apiKey: CHAT_API_KEY } });
  return {
    server,
    step: (options?: Parameters<typeof step>[1]) => step("openai-compatible/fake-1", options),
  };
}

/** A chunk of chat completions with a fragment of the step's tool call number `index`. */
export function toolCallChunk(index: number, fields: { id?: string; name?: string; arguments?: string }): string {
  const { id, name, arguments: args } = fields;
  return chatChunk({ tool_calls: [{ index, id, type: "function", function: { name, arguments: args } }] });
}
