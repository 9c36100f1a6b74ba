import type { AssistantPart, ProviderOptions } from "@hsafa/protocol";
import { withoutBlankText } from "./blank-text.ts";
import { commonForm } from "./common-form.ts";
import type { Dialect } from "./dialect.ts";
import { fileRules } from "./file-rules.ts";
import { USUAL_CALL_ID } from "./named-calls.ts";
import { reasoningAsText, withOwnAdditions } from "./own-additions.ts";
import { takenFiles } from "./taken-files.ts";
import { turnsInOrder } from "./turns-in-order.ts";
import { isBlank } from "./turn.ts";

/**
 * Gemini's own API. Its package adds the mark by which Gemini 3 takes a call of another model, which has no signature.
 */
export const google: Dialect = {
  name: "google",
  say: (turns, listener) => {
    const common = commonForm(
      turns,
      listener,
      USUAL_CALL_ID,
      (tool) => tool === "code_execution" || tool.startsWith("server:"),
    );
    const { turns: taken, leftOut } = takenFiles(common, listener.origin, fileRules.google());
    const own = withOwnAdditions(taken, listener.origin, { names: ["google"], reasoning: thought });
    return { messages: turnsInOrder(withoutBlankText(own), { betweenResultsAndUser: true }), leftOut };
  },
};

/** A part without text is refused. */
function thought(text: string, own: ProviderOptions | null): AssistantPart[] {
  if (own === null) return reasoningAsText(text);
  return isBlank(text) ? [] : [{ type: "reasoning", text, providerOptions: own }];
}
