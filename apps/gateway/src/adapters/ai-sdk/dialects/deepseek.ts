import type { AssistantPart } from "@hsafa/protocol";
import { STAND_IN_CHARACTERS } from "../limits.ts";
import { chat } from "./chat.ts";
import type { Dialect } from "./dialect.ts";
import { isBlank } from "./turn.ts";

/**
 * DeepSeek, and Moonshot's Kimi, whose rule is the same. A turn that calls tools goes back with its reasoning, now and
 * in every later request. Other turns go back without: the elder models refuse it there.
 */
export const deepseek: Dialect = chat({
  name: "deepseek",
  reasoning: (text) => (isBlank(text) ? [] : [{ type: "reasoning", text }]),
  complete: (content, modelId) => {
    const calls = content.filter((part) => part.type === "tool-call");
    if (calls.length === 0) return content.filter((part) => part.type !== "reasoning");
    const isComplete = !thinks(modelId) || content.some((part) => part.type === "reasoning");
    return isComplete ? [...content] : [standIn(calls), ...content];
  },
});

/** DeepSeek's and Kimi's models think unless their name says otherwise. */
function thinks(modelId: string): boolean {
  return !/deepseek-(chat|coder)|kimi-k2-\d|moonshot-v1|instruct/i.test(modelId);
}

/**
 * A thinking model refuses a call without reasoning, also when another model made it, or none was said. Were the same
 * words to stand for it each time, the model would repeat them.
 */
function standIn(calls: readonly Extract<AssistantPart, { type: "tool-call" }>[]): AssistantPart {
  const told = calls.map(({ toolName, input }) => `${toolName} with ${JSON.stringify(input)}`).join(" and ");
  return { type: "reasoning", text: `I call ${told}`.slice(0, STAND_IN_CHARACTERS).toWellFormed() };
}
