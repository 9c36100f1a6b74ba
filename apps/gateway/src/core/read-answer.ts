import {
  type AgentConfig,
  type FactData,
  type JsonObject,
  type Message,
  readExactJson,
  type RunOutput,
} from "@hsafa/protocol";
import { JSON_DEPTH_MAX } from "./limits.ts";
import { textsOf } from "./texts-of.ts";

/** An answer as an object, or why it is none. `fault` is a sentence without its full stop. */
export type ReadAnswer =
  | { readonly kind: "object"; readonly object: JsonObject }
  | { readonly kind: "fault"; readonly fault: string };

/**
 * Reads the object that a model wrote. Its numbers and names are exact, as in every JSON that comes in. Some models put
 * their JSON into a fence, or say something before it in a part of its own. Both are read.
 */
export function readAnswer(messages: readonly Message[]): ReadAnswer {
  const texts = textsOf(messages);
  const whole = readObject(texts.join(""));
  if (whole.kind === "object") return whole;
  const last = texts.length > 1 ? readObject(texts.at(-1) ?? "") : whole;
  return last.kind === "object" ? last : whole;
}

const FENCED = /^```(?:json)?\s*([\s\S]*?)\s*```$/;

function readObject(text: string): ReadAnswer {
  const trimmed = text.trim();
  if (trimmed === "") return { kind: "fault", fault: "the answer has no text" };
  const read = readExactJson(FENCED.exec(trimmed)?.[1] ?? trimmed, JSON_DEPTH_MAX);
  switch (read.kind) {
    case "malformed":
      return { kind: "fault", fault: `the answer is not JSON: ${read.message}` };
    case "inexact":
      return { kind: "fault", fault: `${read.path === "" ? "the answer" : `'${read.path}'`} ${read.message}` };
    case "json": {
      const { value } = read;
      return typeof value === "object" && value !== null && !Array.isArray(value)
        ? { kind: "object", object: value }
        : { kind: "fault", fault: "the answer is JSON, but not an object" };
    }
    default:
      return read satisfies never;
  }
}

/** What a completed step came to, as the run shows it if it ends with this step. */
export function outputOf(
  { messages, outputFault }: FactData["step.completed"],
  { outputSchema }: Pick<AgentConfig, "outputSchema">,
): RunOutput {
  if (outputSchema !== undefined && outputFault === undefined) {
    const read = readAnswer(messages);
    if (read.kind === "object") return read.object;
  }
  return textsOf(messages).join("");
}
