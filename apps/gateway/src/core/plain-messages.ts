import type { AssistantPart, FilePart, Message, ToolResultPart, UserMessage } from "@hsafa/protocol";

type UserPart = Exclude<UserMessage["content"], string>[number];

/**
 * Returns a conversation as text alone, in the form that every provider takes: what was said, and what tools and files
 * there were. Reasoning is left out.
 */
export function plainMessages(messages: readonly Message[]): Message[] {
  return messages.map((message): Message => {
    switch (message.role) {
      case "user":
        return typeof message.content === "string"
          ? message
          : { role: "user", content: lines(message.content, userText) };
      case "assistant":
        return typeof message.content === "string"
          ? message
          : { role: "assistant", content: lines(message.content, assistantText) };
      case "tool":
        return { role: "user", content: lines(message.content, resultText) };
      default:
        return message satisfies never;
    }
  });
}

function lines<Part>(parts: readonly Part[], textOf: (part: Part) => string): string {
  return parts
    .map(textOf)
    .filter((text) => text !== "")
    .join("\n\n");
}

function userText(part: UserPart): string {
  switch (part.type) {
    case "text":
      return part.text;
    case "image":
      return "[A picture is left out here.]";
    case "file":
      return fileText(part);
    default:
      return part satisfies never;
  }
}

function assistantText(part: AssistantPart): string {
  switch (part.type) {
    case "text":
      return part.text;
    case "reasoning":
      return "";
    case "file":
      return fileText(part);
    case "tool-call":
      return `[Called the tool ${part.toolName} with ${JSON.stringify(part.input)}]`;
    case "tool-result":
      // What the provider found stands in its answer, and the rest is often for the provider alone.
      return "";
    default:
      return part satisfies never;
  }
}

function fileText({ mediaType = "unknown" }: FilePart): string {
  return `[A file of type ${mediaType} is left out here.]`;
}

function resultText({ toolName, output }: ToolResultPart): string {
  const told = output.type === "json" ? JSON.stringify(output.value) : output.value;
  return `[The tool ${toolName} ${output.type === "error-text" ? "failed" : "returned"}: ${told}]`;
}
