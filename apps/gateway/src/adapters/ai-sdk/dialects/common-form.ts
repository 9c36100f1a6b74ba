import type { Listener } from "./dialect.ts";
import { answeredCalls } from "./answered-calls.ts";
import { type CallIdRule, namedCalls } from "./named-calls.ts";
import { ownProviderCalls } from "./own-provider-calls.ts";
import { mapAssistant, type Turn } from "./turn.ts";
import { wellFormed } from "./well-formed.ts";

/**
 * Returns the turns in the form that every provider wants. Text is well-formed, each call has its result, and ids and
 * names of calls fit. Reasoning that had to be changed loses what its provider signed. `takesProviderTool`: which calls
 * that the provider has executed itself go back to it, by tool.
 */
export function commonForm(
  turns: readonly Turn[],
  listener: Listener,
  callIds: CallIdRule,
  takesProviderTool: (toolName: string) => boolean = () => false,
): Turn[] {
  const own = ownProviderCalls(turns, listener, takesProviderTool);
  const signed = mapAssistant(own, ({ content }) =>
    content.map((part) =>
      part.type === "reasoning" && !part.text.isWellFormed() ? { type: "reasoning", text: part.text } : part,
    ),
  );
  return namedCalls(answeredCalls(wellFormed(signed)), listener.origin, callIds);
}
