import type { Message } from "@hsafa/protocol";

/** The texts of what the model said, part by part. */
export function textsOf(messages: readonly Message[]): string[] {
  return messages
    .filter((message) => message.role === "assistant")
    .flatMap(({ content }) =>
      typeof content === "string" ? [content] : content.flatMap((part) => (part.type === "text" ? [part.text] : [])),
    );
}
