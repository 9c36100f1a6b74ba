import type { UserMessage } from "@hsafa/protocol";

/** How it begins. No person writes this. */
const BEGINNING = "Your answer does not fit the JSON Schema that it must fit: ";

/** What the model is told of an answer that does not fit. `fault` is a sentence without its full stop. */
export function repairRequest(fault: string): UserMessage {
  const advice = "Answer again with the whole JSON object, and with nothing else.";
  return { role: "user", content: `${BEGINNING}${fault}. ${advice}` };
}

/** Whether a text of a conversation asks for an answer that fits. */
export function isRepairRequest(text: string): boolean {
  return text.startsWith(BEGINNING);
}
