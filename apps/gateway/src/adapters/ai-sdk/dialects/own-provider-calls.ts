/**
 * Calls that a provider has executed itself, in later requests.
 *
 * 1. They go back to the model and account that made them, in the provider's own form, if it takes them and still has
 *    the tool. Anthropic and Google read their own results from there.
 * 2. Every other model reads what was found in the answer. The results are often for their provider alone.
 * 3. A call goes back with its result, or not at all. A turn that its provider has paused may end with a call alone.
 * 4. Reasoning that led to a call which is left out has lost what it led to, and with it what its provider signed.
 */
import type { AssistantPart } from "@hsafa/protocol";
import type { Listener } from "./dialect.ts";
import { isOwn, isPaused, providerCallIdOf } from "./origin.ts";
import { mapAssistant, type Turn } from "./turn.ts";

/** Returns the turns with the calls that go back. `takes`: which the provider's package can send, by tool. */
export function ownProviderCalls(
  turns: readonly Turn[],
  listener: Pick<Listener, "origin" | "providerTools">,
  takes: (toolName: string) => boolean,
): Turn[] {
  const { origin, providerTools } = listener;
  const last = turns.at(-1);
  return mapAssistant(turns, (turn) => {
    const { content } = turn;
    const resulted = new Set(content.flatMap((part) => (part.type === "tool-result" ? [part.toolCallId] : [])));
    const isGoingOn = turn === last && content.some((part) => isPaused(part, origin));
    const kept = new Set(
      content.flatMap((part) => {
        if (part.type !== "tool-call" || part.providerExecuted !== true || !isOwn(part, origin)) return [];
        const isOffered = providerTools.includes(part.toolName) || part.toolName.startsWith(UNNAMED);
        const isWhole = resulted.has(part.toolCallId) || isGoingOn; // 3.
        return isOffered && isWhole && takes(part.toolName) ? [part.toolCallId] : [];
      }),
    );
    return content.flatMap((part, at): AssistantPart[] => {
      const isOf = part.type === "tool-result" || (part.type === "tool-call" && part.providerExecuted === true);
      if (isOf) {
        const toolCallId = providerCallIdOf(part, origin) ?? part.toolCallId;
        return kept.has(part.toolCallId) ? [{ ...part, toolCallId }] : [];
      }
      const next = content[at + 1];
      const isCut = next?.type === "tool-call" && next.providerExecuted === true && !kept.has(next.toolCallId);
      return [part.type === "reasoning" && isCut ? { type: "reasoning", text: part.text } : part]; // 4.
    });
  });
}

/** How Google's package names the calls of tools that a request does not name. */
const UNNAMED = "server:";
