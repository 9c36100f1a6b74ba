import type { AssistantPart } from "@hsafa/protocol";
import { withoutBlankText } from "./blank-text.ts";
import { commonForm } from "./common-form.ts";
import type { Dialect } from "./dialect.ts";
import { fileRules } from "./file-rules.ts";
import { type CallIdRule, USUAL_CALL_ID } from "./named-calls.ts";
import { withOwnAdditions } from "./own-additions.ts";
import { detailsAlone } from "./reasoning-details.ts";
import { type AnyFile, takenFiles } from "./taken-files.ts";
import { mapAssistant } from "./turn.ts";
import { turnsInOrder, withOneText } from "./turns-in-order.ts";

/** What differs between the servers that speak chat completions. */
interface ChatRules {
  readonly name: string;
  readonly callIds?: CallIdRule;
  readonly files?: (file: AnyFile, modelId: string) => boolean;
  /** Whether the server gave the signatures of Gemini, and wants them back. Strict servers refuse unknown fields. */
  readonly takesSignatures?: boolean;
  /** There is no field for reasoning that all servers take; Groq and Mistral refuse the one that the package uses. */
  readonly reasoning?: (text: string) => AssistantPart[];
  /** The last word on a turn of the model. */
  readonly complete?: (content: readonly AssistantPart[], modelId: string) => AssistantPart[];
}

/** Makes a dialect of chat completions. What no rule says otherwise is as strict as the strictest known server. */
export function chat(rules: ChatRules): Dialect {
  const { name, callIds = USUAL_CALL_ID, files, takesSignatures = false, reasoning = () => [], complete } = rules;
  return {
    name,
    say: (turns, { origin, modelId, ...listener }) => {
      const common = commonForm(turns, { origin, modelId, ...listener }, callIds);
      const { turns: taken, leftOut } = takenFiles(common, origin, fileRules.chat(modelId, files));
      const own = withOwnAdditions(taken, origin, { names: ADDITION_NAMES, reasoning });
      const completed = mapAssistant(withoutBlankText(own), ({ content }) => {
        const known = content.map((part) => withKnownAdditions(part, takesSignatures));
        return complete?.(known, modelId) ?? known;
      });
      return { messages: withOneText(turnsInOrder(completed, { betweenResultsAndUser: true })), leftOut };
    },
  };
}

/** The names under which the package of chat completions hands over what a server added. */
const ADDITION_NAMES = ["openaiCompatible", "openai-compatible", "google"];

/** The package would send any other addition as a field of the call. */
function withKnownAdditions(part: AssistantPart, takesSignatures: boolean): AssistantPart {
  const { providerOptions = {}, ...bare } = part;
  const thoughtSignature = Object.values(providerOptions).find(
    (one) => one.thoughtSignature !== undefined,
  )?.thoughtSignature;
  const isSigned = takesSignatures && part.type === "tool-call" && typeof thoughtSignature === "string";
  const known = { ...detailsAlone(part), ...(isSigned ? { google: { thoughtSignature } } : {}) };
  return Object.keys(known).length === 0 ? bare : { ...bare, providerOptions: known };
}

/** OpenAI's chat completions, and every server of which nothing more is known. */
export const openaiChat: Dialect = chat({ name: "openai-chat", takesSignatures: true });

/** Groq. */
export const groq: Dialect = chat({ name: "groq", files: fileRules.groqPictures });

/** Mistral, and servers with Mistral's own rules. */
export const mistral: Dialect = chat({
  name: "mistral",
  callIds: { pattern: /^[A-Za-z0-9]{9}$/, length: 9 },
  files: fileRules.pictures,
});
