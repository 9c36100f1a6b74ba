import type { LanguageModelV4, LanguageModelV4CallOptions, LanguageModelV4FunctionTool } from "@ai-sdk/provider";
import type { Message, UserMessage } from "@hsafa/protocol";
import type { ModelCall } from "../../ports/model.ts";
import { withProviderCallIds } from "./provider-call-id.ts";
import { splitModelName } from "./providers.ts";

/** Converts a call of the port into one of the provider layer. Throws the SDK's error if the call is malformed. */
export async function callOptionsOf(
  call: ModelCall,
  model: LanguageModelV4,
  abortSignal: AbortSignal,
): Promise<LanguageModelV4CallOptions> {
  // Loaded with the first call, because it takes a tenth of a second of start-up.
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
    // refuses the call.
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

/** Turns image parts into file parts, which mean the same. The SDK prints a warning for each image part. */
function withFilesForImages(message: Message): FilesMessage {
  if (message.role !== "user" || typeof message.content === "string") return message as FilesMessage;
  const content = message.content.map((part): FilesPart => {
    if (part.type !== "image") return part;
    const { providerOptions } = part;
    return { type: "file", data: part.image, mediaType: part.mediaType ?? "image", providerOptions };
  });
  return { role: "user", content };
}
