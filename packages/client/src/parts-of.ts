import type { AssistantPart, Message, ToolCallPart } from "@hsafa/protocol";
import type { ProviderToolPart, ToolPart, ViewPart } from "./run-view.ts";

/** The parts of what the model said. Another role has none here. */
export function partsOf(message: Message): readonly ViewPart[] {
  if (message.role !== "assistant") return [];
  const { content } = message;
  if (typeof content === "string") return [{ type: "text", partId: null, text: content }];
  return content.flatMap((part) => viewPart(part, content));
}

function viewPart(part: AssistantPart, content: readonly AssistantPart[]): readonly ViewPart[] {
  switch (part.type) {
    case "text":
    case "reasoning":
      return [{ type: part.type, partId: null, text: part.text }];
    case "tool-call":
      return [
        part.providerExecuted === true
          ? providerPart(part, content)
          : toolPart(part.toolCallId, part.toolName, { state: "requested", args: part.input }),
      ];
    case "tool-result":
      return []; // It stands with its call.
    default:
      return [part];
  }
}

function providerPart(call: ToolCallPart, content: readonly AssistantPart[]): ProviderToolPart {
  const { toolCallId: callId, toolName, input: args } = call;
  const answer = content.find((part) => part.type === "tool-result" && part.toolCallId === callId);
  const output = answer?.type === "tool-result" ? answer.output : null;
  const state = output === null ? "running" : output.type === "json" ? "completed" : "failed";
  return { type: "provider-tool", callId, toolName, args, state, result: output?.value ?? null };
}

/** A tool call of which nothing is known but these fields. */
export function toolPart(callId: string, toolName: string, fields: Partial<ToolPart>): ToolPart {
  return {
    type: "tool",
    callId,
    toolName,
    state: "requested",
    inputText: "",
    args: null,
    target: null,
    progress: null,
    result: null,
    error: null,
    childRunId: null,
    childStatus: null,
    expiresAt: null,
    question: null,
    decidedBy: null,
    reason: null,
    isReused: false,
    ...fields,
  };
}
