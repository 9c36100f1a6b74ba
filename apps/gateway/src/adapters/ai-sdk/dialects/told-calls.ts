import type { AssistantPart, JsonValue, ToolResultPart } from "@hsafa/protocol";
import { isAskedCall } from "./is-asked-call.ts";
import type { Turn } from "./turn.ts";

/**
 * Returns the turns with calls and results told as text, where `isTold` says so of the turn that asked. For a provider
 * that takes calls only from a conversation that still has tools, or only with what their model added.
 */
export function toldCalls(turns: readonly Turn[], isTold: (at: number) => boolean): Turn[] {
  return turns.map((turn, at): Turn => {
    if (turn.role === "assistant" && isTold(at)) return { role: "assistant", content: turn.content.map(toldCall) };
    if (turn.role === "tool" && isTold(at - 1)) {
      return { role: "user", content: [{ type: "text", text: turn.content.map(toldResult).join("\n") }] };
    }
    return turn;
  });
}

function toldCall(part: AssistantPart): AssistantPart {
  return isAskedCall(part)
    ? { type: "text", text: `[Called the tool ${part.toolName} with ${JSON.stringify(part.input)}]` }
    : part;
}

function toldResult({ toolName, output }: ToolResultPart): string {
  const value: JsonValue = output.value;
  const told = typeof value === "string" ? value : JSON.stringify(value);
  return `[The tool ${toolName} ${output.type === "error-text" ? "failed" : "returned"}: ${told}]`;
}
