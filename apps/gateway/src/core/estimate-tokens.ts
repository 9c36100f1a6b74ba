/**
 * How many tokens a conversation costs, about. Each model counts in its own way, and only its provider knows how. This
 * estimate needs no vocabulary: four characters of ASCII are a token, and other characters cost three quarters of one.
 * English and code come out within a third. What a provider reports corrects it (`core/context-budget.ts`).
 */
import type { AssistantPart, FilePart, JsonValue, Message, ToolResultPart, UserMessage } from "@hsafa/protocol";
import { isTextType } from "./is-text-type.ts";
import { FILE_TOKENS_ESTIMATED, MESSAGE_TOKENS_ESTIMATED } from "./limits.ts";

type Part = Exclude<UserMessage["content"], string>[number] | AssistantPart | ToolResultPart;

/** Returns the estimate for messages, in tokens. */
export function estimateTokens(messages: readonly Message[]): number {
  let tokens = 0;
  for (const message of messages) tokens += tokensOfMessage(message);
  return Math.ceil(tokens);
}

/** Messages never change, and a step asks several times for the same ones. A megabyte takes a millisecond. */
const known = new WeakMap<Message, number>();

/** Returns the estimate for one message, in tokens and parts of a token. Sums of it are those of `estimateTokens`. */
export function tokensOfMessage(message: Message): number {
  const before = known.get(message);
  if (before !== undefined) return before;
  const tokens = tokensOfContent(message);
  known.set(message, tokens);
  return tokens;
}

function tokensOfContent({ content }: Message): number {
  let tokens = MESSAGE_TOKENS_ESTIMATED;
  if (typeof content === "string") tokens += tokensOfText(content);
  else for (const part of content) tokens += tokensOfPart(part);
  return tokens;
}

/** Returns the estimate for any JSON value that a provider is sent, in tokens. */
export function estimateTokensOfJson(value: JsonValue): number {
  return Math.ceil(tokensOfText(JSON.stringify(value)));
}

function tokensOfPart(part: Part): number {
  switch (part.type) {
    case "text":
    case "reasoning":
      return tokensOfText(part.text);
    case "image":
      return FILE_TOKENS_ESTIMATED;
    case "file":
      return tokensOfFile(part);
    case "tool-call":
      return tokensOfText(part.toolName) + tokensOfText(JSON.stringify(part.input));
    case "tool-result":
      return tokensOfText(part.toolName) + tokensOfText(JSON.stringify(part.output));
    default:
      return part satisfies never;
  }
}

/** Providers count pictures and pages, not characters of Base64. A text goes to them as it is. */
function tokensOfFile(part: FilePart): number {
  const isText = isTextType(part.mediaType ?? "");
  return isText && "size" in part && part.size !== undefined ? part.size / 4 : FILE_TOKENS_ESTIMATED;
}

function tokensOfText(text: string): number {
  let beyondAscii = 0;
  for (let index = 0; index < text.length; index += 1) if (text.charCodeAt(index) > 0x7f) beyondAscii += 1;
  return (text.length - beyondAscii) / 4 + (beyondAscii * 3) / 4;
}
