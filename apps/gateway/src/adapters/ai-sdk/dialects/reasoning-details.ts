/**
 * The details of a model's reasoning, as OpenRouter and servers like it give and want them: `reasoning_details`. A
 * thinking model behind them loses its thread between steps without them, or refuses to go on.
 *
 * 1. The package of chat completions does not know them, so the wire keeps them of each answer.
 * 2. They are stored with a part of the step that is said again: its first call, else its text. With the reasoning they
 *    would be lost, since no dialect of chat completions sends that back as it was.
 * 3. They go back as they were, on the message, and only to the model and the account that made them.
 */
import type { LanguageModelV4Prompt } from "@ai-sdk/provider";
import type { AssistantPart, JsonObject, JsonValue, Message, ProviderOptions } from "@hsafa/protocol";
import { type Origin, withOrigin } from "./origin.ts";
import { isBlank } from "./turn.ts";

/** The name under which the package sends further fields. */
const NAME = "openaiCompatible";
const FIELD = "reasoning_details";
/** What fragments of one detail add to, by its type. */
const TEXTS = ["text", "summary"] as const;

/** Joins fragments to the details before them, as they came. 1. */
export function joinedDetails(known: readonly JsonObject[], fragments: readonly JsonObject[]): JsonObject[] {
  const details = [...known];
  for (const fragment of fragments) {
    const last = details.at(-1);
    const isSame = last !== undefined && last["type"] === fragment["type"] && last["index"] === fragment["index"];
    const text = TEXTS.find((name) => typeof fragment[name] === "string");
    const [before, more] = text === undefined ? [] : [last?.[text], fragment[text]];
    if (!isSame || text === undefined || typeof before !== "string" || typeof more !== "string") {
      details.push(fragment);
      continue;
    }
    const given = Object.entries(fragment).filter(([, value]) => value !== null);
    details.splice(-1, 1, { ...last, ...Object.fromEntries(given), [text]: before + more });
  }
  return details;
}

/** Returns the messages of a step with the details of its reasoning. 2. */
export function withReasoningDetails(
  messages: readonly Message[],
  details: readonly JsonObject[],
  origin: Origin,
): Message[] {
  const parts = messages.flatMap(({ role, content }) =>
    role === "assistant" && typeof content !== "string" ? content : [],
  );
  const bearer =
    parts.find((part) => part.type === "tool-call") ??
    parts.find((part) => part.type === "text" && !isBlank(part.text));
  if (details.length === 0 || bearer === undefined) return [...messages];
  const options = { ...bearer.providerOptions };
  options[NAME] = { ...options[NAME], [FIELD]: [...details] };
  const providerOptions = options["hsafa"] === undefined ? withOrigin(options, origin) : options;
  return messages.map((message): Message => {
    if (message.role !== "assistant" || typeof message.content === "string") return message;
    const content = message.content.map((part) => (part === bearer ? { ...part, providerOptions } : part));
    return { ...message, content };
  });
}

/** The additions of a part that are details of reasoning; none if there are none. */
export function detailsAlone({ providerOptions }: AssistantPart): ProviderOptions {
  const details = providerOptions?.[NAME]?.[FIELD];
  return Array.isArray(details) ? { [NAME]: { [FIELD]: details } } : {};
}

/** Returns the prompt with the details of reasoning on its messages, where the package looks for them. 3. */
export function withDetailsOnMessages(prompt: LanguageModelV4Prompt): LanguageModelV4Prompt {
  return prompt.map((message) => {
    if (message.role !== "assistant") return message;
    const details: JsonValue[] = [];
    const content = message.content.map((part) => {
      const { [FIELD]: of, ...others } = part.providerOptions?.[NAME] ?? {};
      if (!Array.isArray(of)) return part;
      details.push(...(of as JsonValue[]));
      return { ...part, providerOptions: { ...part.providerOptions, [NAME]: others } };
    });
    if (details.length === 0) return message;
    const options = { ...message.providerOptions?.[NAME], [FIELD]: details };
    return { ...message, content, providerOptions: { ...message.providerOptions, [NAME]: options } };
  });
}
