import type { LanguageModelV4, LanguageModelV4CallOptions, LanguageModelV4FunctionTool } from "@ai-sdk/provider";
import type { Message, UserMessage } from "@hsafa/protocol";
import type { ModelCall } from "../../ports/model.ts";
import { withProviderCallIds } from "./provider-call-id.ts";
import { splitModelName } from "./providers.ts";

/**
 * What the provider layer is asked, from what the port was asked. Throws what a provider or the conversion finds wrong
 * with it.
 */
export async function callOptionsOf(
  call: ModelCall,
  model: LanguageModelV4,
  abortSignal: AbortSignal,
): Promise<LanguageModelV4CallOptions> {
  // Loaded with the first call rather than at start-up: it takes a tenth of a second.
  const { convertToLanguageModelPrompt } = await import("ai/internal");
  const { provider } = splitModelName(call.model);
  const { toolChoice, providerOptions, ...settings } = call.settings;
  const prompt = await convertToLanguageModelPrompt({
    prompt: {
      instructions: call.system,
      messages: withProviderCallIds(call.messages, provider).map(withFilesForImages),
    },
    supportedUrls: await model.supportedUrls,
    // URLs go to the provider as they are: the gateway fetches nothing that a user names. A provider that takes no URLs
    // says so.
    download: async (requests) => requests.map(() => null),
    abortSignal,
  });
  return {
    ...settings,
    prompt,
    abortSignal,
    ...(providerOptions === undefined ? {} : { providerOptions }),
    ...(call.tools.length === 0
      ? {}
      : { tools: call.tools.map(functionTool), toolChoice: { type: toolChoice ?? "auto" } }),
  };
}

function functionTool(tool: ModelCall["tools"][number]): LanguageModelV4FunctionTool {
  return {
    type: "function",
    name: tool.name,
    inputSchema: tool.inputSchema,
    ...(tool.description === undefined ? {} : { description: tool.description }),
  };
}

type FilesMessage = Exclude<Message, UserMessage> | { role: "user"; content: string | FilesPart[] };
type FilesPart = Exclude<Exclude<UserMessage["content"], string>[number], { type: "image" }>;

/** An image part is a file part by an older name, about which the SDK prints a warning each time. */
function withFilesForImages(message: Message): FilesMessage {
  if (message.role !== "user" || typeof message.content === "string") return message as FilesMessage;
  const content = message.content.map((part): FilesPart => {
    if (part.type !== "image") return part;
    const { providerOptions } = part;
    return { type: "file", data: part.image, mediaType: part.mediaType ?? "image", providerOptions };
  });
  return { role: "user", content };
}
