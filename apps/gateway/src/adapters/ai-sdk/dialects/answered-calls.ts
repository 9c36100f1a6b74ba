import type { AssistantPart, ToolCallPart, ToolResultPart } from "@hsafa/protocol";
import { isAskedCall } from "./is-asked-call.ts";
import type { Turn } from "./turn.ts";

/** What the model is told of a call whose result is not on record. */
const NO_RESULT = "interrupted: the call was cut short, and its result is not known.";

/**
 * Returns the turns in which each call has exactly one result, directly after the turn that asked for it, in the order
 * of the calls. A call without a result gets one that says so. A result without a call is left out.
 */
export function answeredCalls(turns: readonly Turn[]): Turn[] {
  return turns.flatMap((turn, at): Turn[] => {
    if (turn.role === "tool") return [];
    if (turn.role === "user") return [turn];
    const content = withoutRepeatedCalls(turn.content);
    const calls = content.filter(isAskedCall);
    if (calls.length === 0) return [{ role: "assistant", content }];
    const results = calls.map((call) => resultOf(call, turns, at));
    return [
      { role: "assistant", content },
      { role: "tool", content: results },
    ];
  });
}

/** Two calls of one turn under one id cannot be told apart. The first counts. */
function withoutRepeatedCalls(content: readonly AssistantPart[]): AssistantPart[] {
  const seen = new Set<string>();
  return content.filter((part) => {
    if (!isAskedCall(part)) return true;
    if (seen.has(part.toolCallId)) return false;
    seen.add(part.toolCallId);
    return true;
  });
}

/** Returns the first result after the call, up to the next call with the same id. */
function resultOf(call: ToolCallPart, turns: readonly Turn[], at: number): ToolResultPart {
  for (const turn of turns.slice(at + 1)) {
    if (turn.role === "assistant" && turn.content.some((part) => isCall(part, call.toolCallId))) break;
    if (turn.role !== "tool") continue;
    const result = turn.content.find((part) => part.toolCallId === call.toolCallId);
    if (result !== undefined) return { ...result, toolName: call.toolName };
  }
  return {
    type: "tool-result",
    toolCallId: call.toolCallId,
    toolName: call.toolName,
    output: { type: "error-text", value: NO_RESULT },
  };
}

function isCall(part: AssistantPart, callId: string): boolean {
  return isAskedCall(part) && part.toolCallId === callId;
}
