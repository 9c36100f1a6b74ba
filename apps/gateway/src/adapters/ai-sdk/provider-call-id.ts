import type { JsonObject, Message } from "@hsafa/protocol";

/**
 * hsafa names calls itself, but a provider that keeps its own record of the conversation, as OpenAI does, knows them by
 * the ids it gave, and some take ids of their own form only. So the provider's id travels with the tool-call part,
 * under a key of ours, and takes its place again when that same provider is asked next.
 */
const KEY = "hsafa";

/** The options of a tool-call part, with the provider's id for the call added. */
export function rememberProviderCallId(
  options: Record<string, JsonObject> | undefined,
  provider: string,
  providerCallId: string,
): Record<string, JsonObject> {
  return { ...options, [KEY]: { provider, callId: providerCallId } };
}

/**
 * The conversation as `provider` knows it: its own call ids where it gave them, hsafa's elsewhere, and no key of ours
 * left.
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
