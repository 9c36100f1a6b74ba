import type { Message, ThreadMessage, ToolResultPart } from "@hsafa/protocol";
import { partsOf } from "./parts-of.ts";
import type { AssistantViewMessage, ToolPart, ViewMessage } from "./run-view.ts";

/** What a branch has from one run of a thread that it goes on from. */
export interface InheritedTurn {
  readonly runId: string;
  /** Each has `isInherited`. */
  readonly messages: readonly ViewMessage[];
}

/** Makes what is shown of the messages that a branch has inherited, in their order, as its model reads them. */
export function inheritedTurns(listed: readonly ThreadMessage[]): readonly InheritedTurn[] {
  const turns: { readonly runId: string; readonly messages: ViewMessage[] }[] = [];
  for (const { runId, message, partial } of listed) {
    const last = turns.at(-1);
    const turn = last?.runId === runId ? last : { runId, messages: [] };
    if (turn !== last) turns.push(turn);
    add(turn.messages, message as unknown as Message, partial);
  }
  return turns;
}

function add(messages: ViewMessage[], message: Message, isCut: boolean): void {
  const common = { id: `inherited/${messages.length}`, isInherited: true } as const;
  switch (message.role) {
    case "user":
      messages.push({ ...common, role: "user", content: message.content });
      return;
    case "assistant": {
      const state = isCut ? "cut" : "complete";
      messages.push({
        ...common,
        role: "assistant",
        state,
        parts: partsOf(message),
        sources: [],
        finishReason: null,
      });
      return;
    }
    case "tool": {
      // The results of a step stand with the calls of it.
      const index = messages.findLastIndex(({ role }) => role === "assistant");
      const said = messages[index];
      if (said?.role === "assistant") messages[index] = settled(said, message.content);
      return;
    }
    default:
      message satisfies never;
  }
}

function settled(said: AssistantViewMessage, results: readonly ToolResultPart[]): AssistantViewMessage {
  const parts = said.parts.map((part) => {
    const result = results.find(({ toolCallId }) => part.type === "tool" && part.callId === toolCallId);
    return part.type === "tool" && result !== undefined ? { ...part, ...outcomeOf(result) } : part;
  });
  return { ...said, parts };
}

function outcomeOf({ output }: ToolResultPart): Partial<ToolPart> {
  return output.type === "error-text"
    ? { state: "failed", error: { code: "failed", message: output.value } }
    : { state: "completed", result: output.value };
}
