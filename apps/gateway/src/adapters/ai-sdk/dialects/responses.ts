import type { AssistantPart, JsonObject, ProviderOptions, ReasoningPart } from "@hsafa/protocol";
import { withoutBlankText } from "./blank-text.ts";
import { commonForm } from "./common-form.ts";
import type { Dialect } from "./dialect.ts";
import { fileRules } from "./file-rules.ts";
import { USUAL_CALL_ID } from "./named-calls.ts";
import { reasoningAsText, withOwnAdditions } from "./own-additions.ts";
import { type FileRules, takenFiles } from "./taken-files.ts";
import { turnsInOrder } from "./turns-in-order.ts";
import { isBlank, mapAssistant } from "./turn.ts";

/**
 * The responses API. The provider keeps items of a conversation for a time only, and for some accounts not at all. So
 * no item is named by its id: all of them are sent, and the provider is asked to keep none.
 */
function responses(name: "openai" | "xai", files: (modelId: string) => FileRules): Dialect {
  return {
    name: `${name}-responses`,
    options: { [name]: { store: false } },
    say: (turns, listener) => {
      // Its package sends no other results, and where the provider keeps items it would name them by their ids.
      const isKept = listener.providerOptions[name]?.store === true;
      const common = commonForm(
        turns,
        listener,
        USUAL_CALL_ID,
        (tool) => name === "openai" && !isKept && tool.startsWith("web_search"),
      );
      const { turns: taken, leftOut } = takenFiles(common, listener.origin, files(listener.modelId));
      const own = withOwnAdditions(taken, listener.origin, { names: [name], reasoning });
      const sent = mapAssistant(withoutBlankText(own), ({ content }) => followed(joinedReasoning(content, name), name));
      return { messages: turnsInOrder(sent, { betweenResultsAndUser: false }), leftOut };
    },
  };
}

/** OpenAI's responses. */
export const openaiResponses: Dialect = responses("openai", fileRules.responses);
/** xAI's responses. */
export const xaiResponses: Dialect = responses("xai", fileRules.xai);

function reasoning(text: string, own: ProviderOptions | null): AssistantPart[] {
  return own === null ? reasoningAsText(text) : [{ type: "reasoning", text, providerOptions: own }];
}

/** One item of reasoning may come in several parts, and its encrypted form with any of them. */
function joinedReasoning(content: readonly AssistantPart[], name: string): AssistantPart[] {
  const joined: AssistantPart[] = [];
  for (const part of content) {
    const last = joined.at(-1);
    const itemId = itemIdOf(part, name);
    if (part.type === "reasoning" && last?.type === "reasoning" && itemId !== null && itemId === itemIdOf(last, name)) {
      const text = [last.text, part.text].filter((one) => !isBlank(one)).join("\n\n");
      joined.splice(-1, 1, { type: "reasoning", text, providerOptions: newer(last, part, name) });
    } else {
      joined.push(part);
    }
  }
  return joined;
}

/**
 * Reasoning goes back in its encrypted form, directly before what it led to. Without either it is refused, so its
 * summary is said as text. Nothing else keeps an id.
 */
function followed(content: readonly AssistantPart[], name: string): AssistantPart[] {
  return content.flatMap((part, at): AssistantPart[] => {
    const options: JsonObject = part.providerOptions?.[name] ?? {};
    const { itemId: _, ...others } = options;
    if (part.type !== "reasoning") {
      const { providerOptions: __, ...bare } = part;
      return [Object.keys(others).length === 0 ? bare : { ...bare, providerOptions: { [name]: others } }];
    }
    const encrypted = options.reasoningEncryptedContent;
    const follower = content[at + 1];
    const isFollowed = follower !== undefined && follower.type !== "reasoning" && follower.type !== "file";
    if (typeof encrypted !== "string" || isBlank(encrypted) || !isFollowed) return reasoningAsText(part.text);
    // xAI's package sends reasoning under its id alone.
    return [{ ...part, providerOptions: { [name]: name === "xai" ? options : others } }];
  });
}

function itemIdOf(part: AssistantPart, name: string): string | null {
  const itemId = part.providerOptions?.[name]?.itemId;
  return typeof itemId === "string" ? itemId : null;
}

function newer(before: ReasoningPart, after: ReasoningPart, name: string): ProviderOptions {
  const given = Object.entries(after.providerOptions?.[name] ?? {}).filter(([, value]) => value !== null);
  return { [name]: { ...before.providerOptions?.[name], ...Object.fromEntries(given) } };
}
