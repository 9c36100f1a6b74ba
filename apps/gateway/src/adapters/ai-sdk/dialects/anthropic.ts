import type { AssistantPart, ProviderOptions } from "@hsafa/protocol";
import { withoutBlankText } from "./blank-text.ts";
import { commonForm } from "./common-form.ts";
import type { Dialect, Listener } from "./dialect.ts";
import { fileRules } from "./file-rules.ts";
import { USUAL_CALL_ID } from "./named-calls.ts";
import { isPaused } from "./origin.ts";
import { isAskedCall } from "./is-asked-call.ts";
import { reasoningAsText, withOwnAdditions } from "./own-additions.ts";
import { takenFiles } from "./taken-files.ts";
import { toldCalls } from "./told-calls.ts";
import { turnsInOrder } from "./turns-in-order.ts";
import { isBlank, mapAssistant, type Turn } from "./turn.ts";

/** Anthropic's messages. Its package makes one turn of results and what the user says after them. */
export const anthropic: Dialect = {
  name: "anthropic",
  say: (turns, listener) => {
    const common = commonForm(turns, listener, USUAL_CALL_ID, () => true);
    const { turns: taken, leftOut } = takenFiles(common, listener.origin, fileRules.anthropic(listener.modelId));
    const own = withOwnAdditions(taken, listener.origin, { names: ["anthropic"], reasoning: thinking });
    const spoken = mapAssistant(withoutBlankText(own), callsLast).filter((turn) => turn.content.length > 0);
    const told = toldCalls(spoken, (at) => at >= firstToldTurn(spoken, listener));
    const last = turns.at(-1);
    const mayEndWithModel = last?.role === "assistant" && last.content.some((part) => isPaused(part, listener.origin));
    return { messages: turnsInOrder(told, { betweenResultsAndUser: false, mayEndWithModel }), leftOut };
  },
};

/** Nothing may stand between calls and their results, so text that came after a call goes before it. */
function callsLast({ content }: { readonly content: AssistantPart[] }): AssistantPart[] {
  const first = content.findIndex(isAskedCall);
  if (first === -1 || !content.slice(first).some((part) => part.type === "text")) return content;
  return [...content.filter((part) => !isAskedCall(part)), ...content.filter(isAskedCall)];
}

/** Thinking goes back with its signature, or as Anthropic's own encrypted data. Thinking without either is refused. */
function thinking(text: string, own: ProviderOptions | null): AssistantPart[] {
  const { signature, redactedData } = own?.anthropic ?? {};
  const isSigned = [signature, redactedData].some((value) => typeof value === "string" && !isBlank(value));
  return own !== null && isSigned ? [{ type: "reasoning", text, providerOptions: own }] : reasoningAsText(text);
}

/**
 * Returns the first turn whose calls are told as text. All of them are in a conversation without tools, since calls are
 * refused there. While the model thinks within a budget, what it goes on from must begin with its own thinking. Calls
 * of another model, or from before it thought, do not.
 */
function firstToldTurn(turns: readonly Turn[], { hasTools, providerOptions }: Listener): number {
  if (!hasTools) return 0;
  const options = providerOptions.anthropic?.thinking;
  const isBudgeted = typeof options === "object" && options !== null && "type" in options && options.type === "enabled";
  if (!isBudgeted) return turns.length;
  const last = turns.findLastIndex((turn) => turn.role !== "user");
  const start = turns.slice(0, last + 1).findLastIndex((turn) => turn.role === "user") + 1;
  return turns[start]?.content[0]?.type === "reasoning" ? turns.length : start;
}
