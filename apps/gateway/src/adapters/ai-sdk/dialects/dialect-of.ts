import type { ProviderOptions } from "@hsafa/protocol";
import { anthropic } from "./anthropic.ts";
import { groq, mistral, openaiChat } from "./chat.ts";
import { deepseek } from "./deepseek.ts";
import { demo } from "./demo.ts";
import type { Dialect } from "./dialect.ts";
import { geminiChat } from "./gemini-chat.ts";
import { google } from "./google.ts";
import { openaiResponses, xaiResponses } from "./responses.ts";

/** The dialects of chat completions, by the name that an agent may choose one with. */
const CHAT: Readonly<Record<string, Dialect>> = {
  "openai-chat": openaiChat,
  groq,
  mistral,
  deepseek,
  "gemini-chat": geminiChat,
};

/** Whose rules a server has, by its host. A host knows better than the model's name: Groq serves models of many. */
const HOSTS: readonly (readonly [RegExp, Dialect])[] = [
  [/(^|\.)groq\.com$/i, groq],
  [/(^|\.)mistral\.ai$/i, mistral],
  [/(^|\.)(deepseek\.com|moonshot\.(ai|cn)|kimi\.(ai|com))$/i, deepseek],
  [/(^|\.)googleapis\.com$/i, geminiChat],
  [/(^|\.)openai\.com$/i, openaiChat],
];

/** Whose rules a model has, behind a proxy or on a server of one's own. */
const MODELS: readonly (readonly [RegExp, Dialect])[] = [
  [/(^|\/)(mistral|ministral|mixtral|open-mi[sx]tral|codestral|devstral|magistral|pixtral)/i, mistral],
  [/(^|\/)(deepseek(?!.*distill)|kimi)/i, deepseek],
  [/(^|\/)gemini/i, geminiChat],
];

/**
 * Returns the dialect of a model. For a server behind `openai-compatible` it is found by what the agent says
 * (`providerOptions.hsafa.dialect`), else by the server's host, else by the model's name.
 */
export function dialectOf(params: {
  readonly provider: string;
  readonly modelId: string;
  readonly baseUrl: string | undefined;
  readonly providerOptions: ProviderOptions;
}): Dialect {
  const { provider, modelId, baseUrl, providerOptions } = params;
  switch (provider) {
    case "anthropic":
      return anthropic;
    case "openai":
      return openaiResponses;
    case "xai":
      return xaiResponses;
    case "google":
      return google;
    case "demo":
      return demo;
    default: {
      const chosen = providerOptions.hsafa?.dialect;
      if (typeof chosen === "string" && Object.hasOwn(CHAT, chosen)) return CHAT[chosen] ?? openaiChat;
      const host = baseUrl !== undefined && URL.canParse(baseUrl) ? new URL(baseUrl).hostname : "";
      const byHost = HOSTS.find(([pattern]) => pattern.test(host))?.[1];
      return byHost ?? MODELS.find(([pattern]) => pattern.test(modelId))?.[1] ?? openaiChat;
    }
  }
}
