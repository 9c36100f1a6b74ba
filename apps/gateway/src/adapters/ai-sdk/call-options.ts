import type {
  LanguageModelV4,
  LanguageModelV4CallOptions,
  LanguageModelV4FunctionTool,
  LanguageModelV4ProviderTool,
} from "@ai-sdk/provider";
import {
  type AssistantPart,
  type FilePart,
  type InlineFilePart,
  type LeftOut,
  type Message,
  type ProviderOptions,
  type ProviderTool,
  providerToolName,
  type TextPart,
  type ToolMessage,
} from "@hsafa/protocol";
import type * as AiInternal from "ai/internal";
import type { ModelCall } from "../../ports/model.ts";
import { dialectOf } from "./dialects/dialect-of.ts";
import type { Origin } from "./dialects/origin.ts";
import { withDetailsOnMessages } from "./dialects/reasoning-details.ts";
import { isBlank, turnsOf } from "./dialects/turn.ts";
import { wellFormed } from "./dialects/well-formed.ts";
import { outputFormat } from "./output-format.ts";
import { splitModelName } from "./providers.ts";

/** Loaded with the first call, because it takes a tenth of a second of start-up. To import it again takes 0.3 ms. */
let sdk: typeof AiInternal | null = null;

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
  const { convertToLanguageModelPrompt } = (sdk ??= await import("ai/internal"));
  const { provider, modelId } = splitModelName(call.model);
  const { toolChoice, providerOptions = {}, ...settings } = call.settings;
  const dialect = dialectOf({ provider, modelId, baseUrl, providerOptions });
  const { providerTools = [] } = call;
  const tools = [...call.tools.map(functionTool), ...providerTools.map(providerTool)];
  const hasTools = tools.length > 0;
  const { outputSchema } = call;
  const output =
    outputSchema === undefined
      ? null
      : outputFormat({
          provider,
          modelId,
          schema: outputSchema,
          hasTools,
          hasProviderTools: providerTools.length > 0,
        });
  const system = [call.system, output?.instruction].filter((text) => typeof text === "string").join("\n\n");
  const said = dialect.say(turnsOf(call.messages), {
    origin,
    modelId,
    hasTools,
    providerTools: providerTools.map(({ id }) => providerToolName(id)),
    providerOptions,
  });
  const prompt = await convertToLanguageModelPrompt({
    prompt: {
      instructions: isBlank(system) ? undefined : wellFormed(system),
      messages: said.messages.map(withFilesForImages),
    },
    supportedUrls: await model.supportedUrls,
    // URLs go to the provider as they are: the gateway fetches nothing that a user names. A provider that takes no URLs
    // refuses the call.
    download: async (requests) => requests.map(() => null),
    abortSignal,
  });
  const optionsForProvider = withDefaults(withDefaults(providerOptions, output?.options ?? {}), dialect.options ?? {});
  const options: LanguageModelV4CallOptions = {
    ...settings,
    prompt: withDetailsOnMessages(prompt),
    abortSignal,
    ...(output?.responseFormat === undefined ? {} : { responseFormat: output.responseFormat }),
    ...(Object.keys(optionsForProvider).length === 0 ? {} : { providerOptions: optionsForProvider }),
    ...(hasTools ? { tools, toolChoice: { type: toolChoice ?? "auto" } } : {}),
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

/** The provider's package knows the tool by its id, and checks the arguments. */
function providerTool({ id, args = {} }: ProviderTool): LanguageModelV4ProviderTool {
  return wellFormed({ type: "provider", id, name: providerToolName(id), args });
}

type FilesMessage =
  | ToolMessage
  | { role: "user"; content: string | (TextPart | InlineFilePart)[] }
  | { role: "assistant"; content: string | (Exclude<AssistantPart, FilePart> | InlineFilePart)[] };

/** Turns image parts into file parts, which mean the same. The SDK prints a warning for each image part. */
function withFilesForImages(message: Message): FilesMessage {
  const { role, content } = message;
  if (role === "tool") return message;
  if (typeof content === "string") return { role, content };
  if (role === "assistant")
    return { role, content: content.map((part) => (part.type === "file" ? inline(part) : part)) };
  const parts = content.map((part): TextPart | InlineFilePart => {
    if (part.type === "text") return part;
    if (part.type === "file") return inline(part);
    const { providerOptions } = part;
    return { type: "file", data: part.image, mediaType: part.mediaType ?? "image", providerOptions };
  });
  return { role, content: parts };
}

/** Stored files were loaded by now. */
function inline(part: FilePart): InlineFilePart {
  if ("data" in part) return part;
  throw new Error("A file without its bytes came to a provider.");
}
