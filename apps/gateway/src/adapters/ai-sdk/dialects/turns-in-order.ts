import type { AssistantPart } from "@hsafa/protocol";
import type { Turn, UserPart } from "./turn.ts";

/** Said by the user before a turn of the model that would come first. */
const BEFORE_FIRST = "(The conversation goes on from an earlier one.)";
/** Said by the user after a turn of the model that would come last. */
const AFTER_LAST = "(Go on.)";
/** Said by the model between results of tools and a message of the user. */
const AFTER_RESULTS = "(There is a new message.)";

/**
 * Returns the turns in the order that strict providers demand. The user speaks first. The user, or results of tools,
 * come last. User and model take turns, so neighbours of one role become one turn.
 *
 * `betweenResultsAndUser`: whether the model must say something between results and the user. Without it, the provider
 * or its package makes one turn of both. `mayEndWithModel`: the provider goes on with the model's last turn.
 */
export function turnsInOrder(
  turns: readonly Turn[],
  {
    betweenResultsAndUser,
    mayEndWithModel = false,
  }: { readonly betweenResultsAndUser: boolean; readonly mayEndWithModel?: boolean },
): Turn[] {
  const ordered: Turn[] = [];
  for (const turn of turns) {
    if (turn.content.length === 0) continue;
    const last = ordered.at(-1);
    if (last === undefined && turn.role !== "user") ordered.push(user(BEFORE_FIRST));
    if (betweenResultsAndUser && last?.role === "tool" && turn.role === "user") ordered.push(model(AFTER_RESULTS));
    if (last?.role === "user" && turn.role === "user") {
      ordered.splice(-1, 1, { role: "user", content: [...last.content, ...turn.content] });
    } else if (last?.role === "assistant" && turn.role === "assistant") {
      ordered.splice(-1, 1, { role: "assistant", content: joined(last.content, turn.content) });
    } else {
      ordered.push(turn);
    }
  }
  const last = ordered.at(-1);
  if (last === undefined) return [user(BEFORE_FIRST)];
  return last.role === "assistant" && !mayEndWithModel ? [...ordered, user(AFTER_LAST)] : ordered;
}

/** Joins what the model said in two turns. Some packages glue the texts of one turn, so a paragraph parts them here. */
function joined(before: readonly AssistantPart[], after: readonly AssistantPart[]): AssistantPart[] {
  const left = before.at(-1);
  const right = after[0];
  const isPlain = (part: AssistantPart | undefined) => part?.type === "text" && part.providerOptions === undefined;
  if (left?.type !== "text" || right?.type !== "text" || !isPlain(left) || !isPlain(right))
    return [...before, ...after];
  return [...before.slice(0, -1), { type: "text", text: `${left.text}\n\n${right.text}` }, ...after.slice(1)];
}

/** Returns the turns in which the user's text is one text. Many servers take a list of parts only with a picture. */
export function withOneText(turns: readonly Turn[]): Turn[] {
  return turns.map((turn): Turn => {
    if (turn.role !== "user" || turn.content.length < 2) return turn;
    const texts = turn.content.flatMap((part: UserPart) => (part.type === "text" ? [part.text] : []));
    return texts.length === turn.content.length
      ? { role: "user", content: [{ type: "text", text: texts.join("\n\n") }] }
      : turn;
  });
}

function user(text: string): Turn {
  return { role: "user", content: [{ type: "text", text }] };
}

function model(text: string): Turn {
  return { role: "assistant", content: [{ type: "text", text }] };
}
