import type { AssistantPart, ToolCallPart } from "@hsafa/protocol";

/** Whether a part is a call that somebody else than its provider executes. */
export function isAskedCall(part: AssistantPart): part is ToolCallPart {
  return part.type === "tool-call" && part.providerExecuted !== true;
}
