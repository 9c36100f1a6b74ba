import type { LanguageModelV4, LanguageModelV4CallOptions, LanguageModelV4FunctionTool } from "@ai-sdk/provider";
import type { LeftOut, Message, ProviderOptions, UserMessage } from "@hsafa/protocol";
import type { ModelCall } from "../../ports/model.ts";
import { dialectOf } from "./dialects/dialect-of.ts";
import type { Origin } from "./dialects/origin.ts";
import { withDetailsOnMessages } from "./dialects/reasoning-details.ts";
import { isBlank, turnsOf } from "./dialects/turn.ts";
import { wellFormed } from "./dialects/well-formed.ts";
import { splitModelName } from "./providers.ts";

/**
 * Converts a call of the port into one of the provider layer: the conversation in the provider's dialect, and what that
 * leaves out. Throws the SDK's error if the call is malformed.
 */
export async function callOptionsOf(params: {
  readonly call: ModelCall;
  readonly model: LanguageModelV4;
  readonly origin: Origin;
  /** The URL of the provider's API, if it is not its public one. */
  readonly baseUrl: string | undefined;
  readonly abortSignal: AbortSignal;
}): Promise<{ readonly options: LanguageModelV4CallOptions; readonly leftOut: readonly LeftOut[] }> {
  const { call, model, origin, baseUrl, abortSignal } = params;
  // Loaded with the first call, because it takes a tenth of a second of start-up.
  const { convertToLanguageModelPrompt } = await import("ai/internal");
  const { provider, modelId } = splitModelName(call.model);
  const { toolChoice, providerOptions = {}, ...settings } = call.settings;
  const dialect = dialectOf({ provider, modelId, baseUrl, providerOptions });
  const hasTools = call.tools.length > 0;
  const said = dialect.say(turnsOf(call.messages), { origin, modelId, hasTools, providerOptions });
  const prompt = await convertToLanguageModelPrompt({
    prompt: {
      instructions: call.system === undefined || isBlank(call.system) ? undefined : wellFormed(call.system),
      messages: said.messages.map(withFilesForImages),
    },
    supportedUrls: await model.supportedUrls,
    // URLs go to the provider as they are: the gateway fetches nothing that a user names. A provider that takes no URLs
    // refuses the call.
    download: async (requests) => requests.map(() => null),
    abortSignal,
  });
  const optionsForProvider = withDefaults(providerOptions, dialect.options ?? {});
  const options: LanguageModelV4CallOptions = {
    ...settings,
    prompt: withDetailsOnMessages(prompt),
    abortSignal,
    ...(Object.keys(optionsForProvider).length === 0 ? {} : { providerOptions: optionsForProvider }),
    ...(hasTools ? { tools: call.tools.map(functionTool), toolChoice: { type: toolChoice ?? "auto" } } : {}),
  };
  return { options, leftOut: said.leftOut };
}

/** The agent's options win, provider by provider and option by option. */
function withDefaults(given: ProviderOptions, defaults: ProviderOptions): ProviderOptions {
  const names = new Set([...Object.keys(defaults), ...Object.keys(given)]);
  return Object.fromEntries([...names].map((name) => [name, { ...defaults[name], ...given[name] }]));
}

function functionTool(tool: ModelCall["tools"][number]): LanguageModelV4FunctionTool {
  return wellFormed({
    type: "function",
    name: tool.name,
    inputSchema: tool.inputSchema,
    ...(tool.description === undefined ? {} : { description: tool.description }),
  });
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
