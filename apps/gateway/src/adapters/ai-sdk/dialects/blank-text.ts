import type { ToolResultPart } from "@hsafa/protocol";
import { isBlank, type Turn } from "./turn.ts";

/** Stands for a message of the user that says nothing. It keeps the turn, so the model knows that it was asked. */
const EMPTY_MESSAGE = "(The message is empty.)";
/** Stands for a result that says nothing. */
const EMPTY_RESULT = "(no output)";

/** Returns the turns without blank text. A turn of the model may then have no parts: `turnsInOrder` drops it. */
export function withoutBlankText(turns: readonly Turn[]): Turn[] {
  return turns.map((turn): Turn => {
    switch (turn.role) {
      case "user": {
        const content = turn.content.filter((part) => part.type !== "text" || !isBlank(part.text));
        return { role: "user", content: content.length === 0 ? [{ type: "text", text: EMPTY_MESSAGE }] : content };
      }
      case "assistant":
        return {
          role: "assistant",
          content: turn.content.filter((part) => part.type !== "text" || !isBlank(part.text)),
        };
      case "tool":
        return { role: "tool", content: turn.content.map(withWords) };
      default:
        return turn satisfies never;
    }
  });
}

function withWords(part: ToolResultPart): ToolResultPart {
  const { output } = part;
  return output.type !== "json" && isBlank(output.value)
    ? { ...part, output: { type: output.type, value: EMPTY_RESULT } }
    : part;
}
