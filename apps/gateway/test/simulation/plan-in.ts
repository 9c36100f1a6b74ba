import type { Message } from "@hsafa/protocol";

const PLAN = /^plan (\d+)$/;

/** Returns the number of the plan that a message names; null: it names none. */
export function planIn(message: Message): number | null {
  const match = message.role === "user" ? PLAN.exec(textOf(message)) : null;
  return match === null ? null : Number(match[1]);
}

/** What the user wrote. A file that is left out has a text in its place, which comes behind it. */
function textOf({ content }: Extract<Message, { role: "user" }>): string {
  if (typeof content === "string") return content;
  const [first] = content;
  return first?.type === "text" ? first.text : "";
}
