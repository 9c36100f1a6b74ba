import type { AssistantPart, ProviderOptions, TextPart } from "@hsafa/protocol";
import { isOwn, type Origin } from "./origin.ts";
import { isBlank, mapAssistant, type Turn } from "./turn.ts";

/** What a dialect does with what providers added to the parts of a conversation. */
export interface Memory {
  /** The names under which the provider's package puts its additions. */
  readonly names: readonly string[];
  /** Says reasoning. `own`: what this very model added to it; null when another model, or nobody, made it. */
  readonly reasoning: (text: string, own: ProviderOptions | null) => AssistantPart[];
}

/** Returns the turns in which each part of the model has the additions of this very model, and no others. */
export function withOwnAdditions(turns: readonly Turn[], origin: Origin, memory: Memory): Turn[] {
  return mapAssistant(turns, ({ content }) =>
    content.flatMap((part): AssistantPart[] => {
      const own = isOwn(part, origin) ? only(part.providerOptions, memory.names) : null;
      if (part.type === "reasoning") return memory.reasoning(part.text, own);
      const { providerOptions: _, ...bare } = part;
      return [own === null ? bare : { ...bare, providerOptions: own }];
    }),
  );
}

/** Says reasoning as text: its signature is for another model, and the thought may still help this one. */
export function reasoningAsText(text: string): TextPart[] {
  return isBlank(text) ? [] : [{ type: "text", text }];
}

function only(options: ProviderOptions | undefined, names: readonly string[]): ProviderOptions | null {
  const own = Object.entries(options ?? {}).filter(([name]) => names.includes(name));
  return own.length === 0 ? null : Object.fromEntries(own);
}
