import type { LanguageModelV4CallOptions, LanguageModelV4ToolResultOutput } from "@ai-sdk/provider";
import type { JsonObject } from "@hsafa/protocol";

/** What a demo script may read. All of it comes from the call itself, so any process plays the same step. */
export interface DemoConversation {
  readonly system: string;
  /** The text of the last user message. */
  readonly user: string;
  /** The number of the step to play, from 0: the model's messages since the last user message. */
  readonly stepIndex: number;
  /** The results of the calls in the model's last message, in order. */
  readonly results: readonly { readonly toolName: string; readonly text: string }[];
  readonly tools: readonly { readonly name: string; readonly inputSchema: JsonObject }[];
}

/** Reads the conversation from a call of the model. */
export function conversationOf({ prompt, tools = [] }: LanguageModelV4CallOptions): DemoConversation {
  const lastUser = prompt.findLastIndex((message) => message.role === "user");
  const since = prompt.slice(lastUser + 1);
  const lastAssistant = since.findLastIndex((message) => message.role === "assistant");
  const system = prompt.flatMap((message) => (message.role === "system" ? [message.content] : [])).join("\n");
  const user = prompt[lastUser];
  return {
    system,
    user:
      user?.role === "user" ? user.content.flatMap((part) => (part.type === "text" ? [part.text] : [])).join("\n") : "",
    stepIndex: since.filter((message) => message.role === "assistant").length,
    results: since
      .slice(lastAssistant + 1)
      .flatMap((message) =>
        message.role === "tool"
          ? message.content.flatMap((part) =>
              part.type === "tool-result" ? [{ toolName: part.toolName, text: textOf(part.output) }] : [],
            )
          : [],
      ),
    tools: tools.flatMap((tool) =>
      tool.type === "function" ? [{ name: tool.name, inputSchema: tool.inputSchema as JsonObject }] : [],
    ),
  };
}

function textOf(output: LanguageModelV4ToolResultOutput): string {
  switch (output.type) {
    case "text":
    case "error-text":
      return output.value;
    case "execution-denied":
      return output.reason ?? "denied";
    default:
      return JSON.stringify(output.value);
  }
}
