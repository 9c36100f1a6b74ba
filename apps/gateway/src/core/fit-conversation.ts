/**
 * What of a conversation is shown to a model that cannot take all of it.
 *
 * 1. What the run itself was asked is always shown, and so is what it did since. The system prompt is no part of this.
 * 2. Earlier turns are left out from the oldest on, in whole exchanges: a user's message with all that followed it. So
 *    no tool result is shown without its call, and no call without its result.
 * 3. If the run alone is too long, its older tool results are replaced by a note, from the oldest on. Those that the
 *    model has not seen yet stay.
 * 4. Whatever is left out is returned, so that the run's facts say it.
 */
import type { LeftOut, Message, ToolMessage, ToolResultPart } from "@hsafa/protocol";
import { estimateTokens, tokensOfMessage } from "./estimate-tokens.ts";

export interface FittedConversation {
  readonly messages: readonly Message[];
  readonly leftOut: readonly LeftOut[];
  /** The estimate for `messages`. */
  readonly tokens: number;
  /** Whether nothing more could be left out. */
  readonly isLeast: boolean;
}

const RESULT_NOTE = "(This result is left out here, because the conversation is too long.)";

/**
 * Returns what is shown of a conversation within `tokensMax` (null: everything). `past`: the turns before this run,
 * oldest first. `own`: those of the run. More than `tokensMax` is returned only if nothing more can be left out.
 */
export function fitConversation(params: {
  readonly past: readonly Message[];
  readonly own: readonly Message[];
  readonly tokensMax: number | null;
}): FittedConversation {
  const { past, own, tokensMax } = params;
  const ownTokens = sumOf(own);
  const start = firstShown(past, tokensMax === null ? Number.POSITIVE_INFINITY : tokensMax - ownTokens);
  const shown = past.slice(start);
  const leftOut: LeftOut[] = [];
  if (start > 0) {
    const what =
      start === past.length
        ? `all ${start} earlier messages`
        : `the ${start} oldest of ${past.length} earlier messages`;
    leftOut.push({ reason: "too_long", what: `${what} of the thread` }); // 4.
  }
  const rest = tokensMax === null || shown.length > 0 ? { messages: own, results: 0 } : shorten(own, tokensMax);
  if (rest.results > 0)
    leftOut.push({ reason: "too_long", what: `the results of ${rest.results} tool calls of this run` });
  const messages = [...shown, ...rest.messages];
  const isLeast = shown.length === 0 && shorten(rest.messages, 0).results === 0;
  return { messages, leftOut, tokens: estimateTokens(messages), isLeast };
}

/** 2. The first message of the longest row of whole exchanges at the end that has at most so many tokens. */
function firstShown(past: readonly Message[], tokensMax: number): number {
  let start = past.length;
  let tokens = 0;
  for (let index = past.length - 1; index >= 0; index -= 1) {
    const message = past[index];
    if (message === undefined) break;
    tokens += tokensOfMessage(message);
    if (tokens > tokensMax) break;
    // A thread may begin with what the assistant said.
    if (message.role === "user" || index === 0) start = index;
  }
  return start;
}

/** 3. `results`: how many were replaced. */
function shorten(
  own: readonly Message[],
  tokensMax: number,
): { readonly messages: readonly Message[]; readonly results: number } {
  const lastStep = own.findLastIndex(({ role }) => role === "assistant");
  let tokens = sumOf(own);
  let results = 0;
  const messages = own.map((message, index): Message => {
    if (message.role !== "tool" || index > lastStep) return message;
    const content = message.content.map((part): ToolResultPart => {
      if (tokens <= tokensMax) return part;
      const short: ToolResultPart = { ...part, output: { type: "text", value: RESULT_NOTE } };
      const saved = tokensOfMessage(toolMessage(part)) - tokensOfMessage(toolMessage(short));
      if (saved <= 0) return part;
      tokens -= saved;
      results += 1;
      return short;
    });
    return { ...message, content };
  });
  return { messages, results };
}

function sumOf(messages: readonly Message[]): number {
  return messages.reduce((tokens, message) => tokens + tokensOfMessage(message), 0);
}

function toolMessage(part: ToolResultPart): ToolMessage {
  return { role: "tool", content: [part] };
}
