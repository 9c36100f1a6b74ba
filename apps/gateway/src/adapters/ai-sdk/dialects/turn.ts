import type { AssistantPart, Message, ToolMessage, UserMessage } from "@hsafa/protocol";

/** A part of what the user said. */
export type UserPart = Exclude<UserMessage["content"], string>[number];
/** What the user said, in parts. */
export type UserTurn = { readonly role: "user"; readonly content: UserPart[] };
/** What the model said, in parts. */
export type AssistantTurn = { readonly role: "assistant"; readonly content: AssistantPart[] };

/** A message whose content is a list of parts. */
export type Turn = UserTurn | AssistantTurn | ToolMessage;

/** Returns the messages with a text as its only part, so that each rule of a dialect has one shape to read. */
export function turnsOf(messages: readonly Message[]): Turn[] {
  return messages.map((message): Turn => {
    switch (message.role) {
      case "user":
        return {
          role: "user",
          content: typeof message.content === "string" ? [text(message.content)] : message.content,
        };
      case "assistant":
        return {
          role: "assistant",
          content: typeof message.content === "string" ? [text(message.content)] : message.content,
        };
      case "tool":
        return message;
      default:
        return message satisfies never;
    }
  });
}

/** Returns the turns with the model's turns changed. */
export function mapAssistant(turns: readonly Turn[], change: (turn: AssistantTurn) => AssistantPart[]): Turn[] {
  return turns.map((turn) => (turn.role === "assistant" ? { role: "assistant", content: change(turn) } : turn));
}

/** Whether a text says something: providers refuse text that is empty or white space alone. */
export function isBlank(value: string): boolean {
  return value.trim() === "";
}

function text(value: string): { readonly type: "text"; readonly text: string } {
  return { type: "text", text: value };
}
