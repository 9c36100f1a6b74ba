import type { LanguageModelV4CallOptions, LanguageModelV4ToolResultOutput } from "@ai-sdk/provider";
import type { JsonObject } from "@hsafa/protocol";

/** What a demo script may look at. It all comes from the call itself, so any process plays the same step. */
export interface DemoConversation {
  readonly system: string;
  /** The text of the last user message. */
  readonly user: string;
  /** Answers of the model since the last user message: the number of the step that is due. */
  readonly stepIndex: number;
  /** The results that the last answer's calls got, in order. */
  readonly results: readonly { readonly toolName: string; readonly text: string }[];
  readonly tools: readonly { readonly name: string; readonly inputSchema: JsonObject }[];
}

/** Reads the conversation out of a call of the model. */
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
