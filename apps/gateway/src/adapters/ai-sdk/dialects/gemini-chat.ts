import type { AssistantPart } from "@hsafa/protocol";
import { chat } from "./chat.ts";
import type { Dialect } from "./dialect.ts";
import { fileRules } from "./file-rules.ts";

/** The mark that Google documents for calls that no Gemini model signed. */
const UNSIGNED = "skip_thought_signature_validator";

/** Gemini behind chat completions. The first call of each turn has the signature of its model. */
export const geminiChat: Dialect = chat({
  name: "gemini-chat",
  files: fileRules.pictures,
  takesSignatures: true,
  complete: (content, modelId) => (wantsSignatures(modelId) ? signed(content) : [...content]),
});

/** From Gemini 3 on, a call without a signature is refused. */
function wantsSignatures(modelId: string): boolean {
  return !/gemini-(1|2)(\.|-|$)|gemma/i.test(modelId);
}

function signed(content: readonly AssistantPart[]): AssistantPart[] {
  const first = content.findIndex((part) => part.type === "tool-call");
  return content.map((part, at) =>
    at === first && part.type === "tool-call" && !hasSignature(part)
      ? { ...part, providerOptions: { ...part.providerOptions, google: { thoughtSignature: UNSIGNED } } }
      : part,
  );
}

function hasSignature({ providerOptions = {} }: AssistantPart): boolean {
  return Object.values(providerOptions).some(({ thoughtSignature }) => typeof thoughtSignature === "string");
}
