/**
 * The ids that providers give to calls, beside hsafa's own.
 *
 * hsafa gives each call an id. A provider that keeps its own record of the conversation, as OpenAI does, knows the call
 * by the provider's id. Some providers take ids of their own form only. So the provider's id travels with the
 * tool-call part, under a key of ours, and replaces hsafa's when the same provider is called next.
 */
import type { JsonObject, Message } from "@hsafa/protocol";

/** Where the id stands in a part's provider options. */
const KEY = "hsafa";

/** Returns the options of a tool-call part with the provider's id of the call added. */
export function rememberProviderCallId(
  options: Record<string, JsonObject> | undefined,
  provider: string,
  providerCallId: string,
): Record<string, JsonObject> {
  return { ...options, [KEY]: { provider, callId: providerCallId } };
}

/**
 * Returns the conversation as `provider` knows it: with its own call ids where it gave them, with hsafa's elsewhere,
 * and without our key.
 */
export function withProviderCallIds(messages: readonly Message[], provider: string): Message[] {
  const known = new Map<string, string>();
  return messages.map((message): Message => {
    if (message.role === "tool") {
      const content = message.content.map((part) => ({
        ...part,
        toolCallId: known.get(part.toolCallId) ?? part.toolCallId,
      }));
      return { ...message, content };
    }
    if (message.role !== "assistant" || typeof message.content === "string") return message;
    const content = message.content.map((part) => {
      if (part.type !== "tool-call" || part.providerOptions?.[KEY] === undefined) return part;
      const { [KEY]: remembered, ...providerOptions } = part.providerOptions;
      const theirs = remembered?.provider === provider ? remembered.callId : undefined;
      if (typeof theirs === "string" && theirs !== "") known.set(part.toolCallId, theirs);
      return { ...part, toolCallId: known.get(part.toolCallId) ?? part.toolCallId, providerOptions };
    });
    return { ...message, content };
  });
}
