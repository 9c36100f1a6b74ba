import { createHash } from "node:crypto";
import { type JsonObject, type JsonValue, TOOL_NAME_CHARACTERS_MAX } from "@hsafa/protocol";
import { type Origin, providerCallIdOf } from "./origin.ts";
import { isAskedCall } from "./is-asked-call.ts";
import type { Turn } from "./turn.ts";

/** Which ids of calls a provider takes. */
export interface CallIdRule {
  readonly pattern: RegExp;
  /** Characters of an id that is made here. */
  readonly length: number;
}

/** Ids that every provider but Mistral takes: OpenAI's chat completions take 40 characters at most. */
export const USUAL_CALL_ID: CallIdRule = { pattern: /^[A-Za-z0-9_-]{1,40}$/, length: 24 };

/**
 * Returns the turns with ids, names and inputs of calls that the provider takes. The turns have their results directly
 * after their calls (`answeredCalls`).
 *
 * A call has the provider's own id where it gave one, else hsafa's, else one made from it. No id is used twice in a
 * conversation. A name that the model made up may hold anything, so what no provider takes is replaced.
 */
export function namedCalls(turns: readonly Turn[], origin: Origin, rule: CallIdRule): Turn[] {
  const used = new Set<string>();
  let current = new Map<string, string>();
  return turns.map((turn): Turn => {
    if (turn.role === "user") return turn;
    if (turn.role === "tool") {
      const content = turn.content.map((part) => ({
        ...part,
        toolCallId: current.get(part.toolCallId) ?? part.toolCallId,
        toolName: toolNameOf(part.toolName),
      }));
      return { role: "tool", content };
    }
    current = new Map();
    const content = turn.content.map((part) => {
      if (!isAskedCall(part)) return part;
      const callId = freeId([providerCallIdOf(part, origin), part.toolCallId], rule, used);
      used.add(callId);
      current.set(part.toolCallId, callId);
      return { ...part, toolCallId: callId, toolName: toolNameOf(part.toolName), input: objectOf(part.input) };
    });
    return { role: "assistant", content };
  });
}

function freeId(candidates: readonly (string | null)[], rule: CallIdRule, used: ReadonlySet<string>): string {
  const fits = candidates.find((id) => id !== null && rule.pattern.test(id) && !used.has(id));
  if (fits !== undefined && fits !== null) return fits;
  const named = candidates.at(-1) ?? "";
  for (let attempt = 0; ; attempt += 1) {
    const id = madeId(`${attempt} ${named}`, rule.length);
    if (!used.has(id)) return id;
  }
}

/** Letters and digits alone, the same for the same text: a retried request is the same request. */
function madeId(text: string, length: number): string {
  return createHash("sha256").update(text).digest("hex").slice(0, length);
}

/** The names that all providers take: Gemini wants a letter or `_` first. */
function toolNameOf(name: string): string {
  const replaced = name.replaceAll(/[^A-Za-z0-9_-]/g, "_").slice(0, TOOL_NAME_CHARACTERS_MAX);
  if (replaced === "") return "unnamed_tool";
  return /^[A-Za-z_]/.test(replaced) ? replaced : `_${replaced.slice(0, TOOL_NAME_CHARACTERS_MAX - 1)}`;
}

/** Providers take objects alone as the input of a call. */
function objectOf(input: JsonValue): JsonObject {
  return typeof input === "object" && input !== null && !Array.isArray(input) ? input : { input };
}
