import type {
  LanguageModelV4CallOptions,
  LanguageModelV4FilePart,
  LanguageModelV4ToolResultOutput,
} from "@ai-sdk/provider";
import type { JsonObject } from "@hsafa/protocol";
import type { FileStandIns } from "../file-stand-ins.ts";
import { isRepairRequest } from "../../../core/repair-request.ts";

/** What a demo script may read. All of it comes from the call itself, so any process plays the same step. */
export interface DemoConversation {
  readonly system: string;
  /** The text of the last user message. */
  readonly user: string;
  /** The files of the last user message. */
  readonly files: readonly DemoFile[];
  /** The number of the step to play, from 0: the model's messages since the last user message. */
  readonly stepIndex: number;
  /** The results of the calls in the model's last message, in order. */
  readonly results: readonly { readonly toolName: string; readonly text: string }[];
  readonly tools: readonly { readonly name: string; readonly inputSchema: JsonObject }[];
  /** The names of the tools that the provider executes itself. */
  readonly providerTools: readonly string[];
  /** The schema of the object that is asked for; null: a text is. */
  readonly outputSchema: JsonObject | null;
}

/** A file as the model received it. `bytes` is null for one at an address. */
export interface DemoFile {
  readonly name: string;
  readonly mediaType: string;
  readonly bytes: Uint8Array | null;
}

/** Reads the conversation from a call of the model. `files` has those that something else stands for in the call. */
export function conversationOf(
  options: LanguageModelV4CallOptions,
  files: Pick<FileStandIns, "fileOf">,
): DemoConversation {
  const { prompt, tools = [], responseFormat } = options;
  // To ask for an answer again is no new message: the script goes on.
  const lastUser = prompt.findLastIndex((message) => message.role === "user" && !asksAgain(message.content));
  const since = prompt.slice(lastUser + 1);
  const lastAssistant = since.findLastIndex((message) => message.role === "assistant");
  const system = prompt.flatMap((message) => (message.role === "system" ? [message.content] : [])).join("\n");
  const user = prompt[lastUser];
  return {
    system,
    user:
      user?.role === "user" ? user.content.flatMap((part) => (part.type === "text" ? [part.text] : [])).join("\n") : "",
    files:
      user?.role === "user" ? user.content.flatMap((part) => (part.type === "file" ? [fileOf(part, files)] : [])) : [],
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
    providerTools: tools.flatMap((tool) => (tool.type === "provider" ? [tool.name] : [])),
    outputSchema: responseFormat?.type === "json" ? ((responseFormat.schema ?? null) as JsonObject | null) : null,
  };
}

function asksAgain(content: readonly { readonly type: string; readonly text?: string }[]): boolean {
  return content.every((part) => part.type === "text" && isRepairRequest(part.text ?? ""));
}

function fileOf(
  { filename = "A file", mediaType, data }: LanguageModelV4FilePart,
  files: Pick<FileStandIns, "fileOf">,
): DemoFile {
  const bytes =
    data.type === "data"
      ? typeof data.data === "string"
        ? Buffer.from(files.fileOf(data.data), "base64")
        : data.data
      : data.type === "text"
        ? Buffer.from(data.text)
        : null;
  return { name: filename, mediaType, bytes };
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
