import type { JsonObject, Message, StartLimits } from "@hsafa/protocol";
import { OUTPUT_REPAIRS_MAX } from "../../src/core/limits.ts";
import { isRepairRequest } from "../../src/core/repair-request.ts";
import type { JsonSchemas } from "../../src/ports/json-schemas.ts";
import { acceptingSchemas } from "../support/accepting-schemas.ts";
import { Random } from "./random.ts";
import type { Recorder } from "./recorder.ts";
import { dataOf, type RunHistory } from "./run-history.ts";

/** What the runs of a world end with that is structured. */
export const OUTPUT_SCHEMA: JsonObject = { type: "object", properties: { wrong: false } };

/** Characters of an answer in one delta. */
const PIECE_CHARACTERS = 6;
const SALT = 0x5bd1e995;

/** The answer of a plan after so many others, in pieces. Some plans answer wrongly more often than is repaired. */
export function answerPieces(seed: number, plan: number, tries: number): readonly string[] {
  const random = new Random(seed ^ (plan * SALT));
  const wrong = random.pick([0, 0, 1, OUTPUT_REPAIRS_MAX, OUTPUT_REPAIRS_MAX + 1]);
  const isCut = random.chance(0.5);
  const object = JSON.stringify({ plan, tries, ...(tries < wrong ? { wrong: true } : {}) });
  const text = tries < wrong && isCut ? object.slice(0, -1) : object;
  return text.match(new RegExp(`.{1,${PIECE_CHARACTERS}}`, "g")) ?? [];
}

/** Takes every schema, and every value that does not say that it is wrong. */
export const outputSchemas: JsonSchemas = {
  ...acceptingSchemas,
  validate: ({ values }) => Promise.resolve(values.map(({ value }) => (isWrong(value) ? "it is wrong" : null))),
};

function isWrong(value: unknown): boolean {
  return typeof value === "object" && value !== null && "wrong" in value;
}

/** The model is not asked with its own unfit answer as the last word: it would not know what to mend. */
export function repairFault(messages: readonly Message[]): string | null {
  const last = messages.at(-1);
  if (last?.role === "assistant") return "its own answer is the last word";
  const answers = messages.flatMap((message, index) => (isUnfitMessage(message) ? [index] : []));
  const isAsked = answers.every((index) => {
    const next = messages[index + 1];
    return next?.role === "user" && typeof next.content === "string" && isRepairRequest(next.content);
  });
  return isAsked ? null : "an answer that does not fit is followed by no reason";
}

/** A text alone is what a cancel left of an answer. */
function isUnfitMessage(message: Message): boolean {
  const isAnswer = message.role === "assistant" && typeof message.content !== "string" && !hasCalls(message);
  return isAnswer && unfitObject(textOf(message));
}

function unfitObject(text: string): boolean {
  try {
    return isWrong(JSON.parse(text));
  } catch {
    return true;
  }
}

function hasCalls({ content }: Message): boolean {
  return (
    typeof content !== "string" && content.some((part) => part.type === "tool-call" && part.providerExecuted !== true)
  );
}

function textOf({ content }: Message): string {
  return typeof content === "string"
    ? content
    : content.flatMap((part) => (part.type === "text" ? [part.text] : [])).join("");
}

/** A run ends with an object that fits, or fails after as many repairs as are allowed. */
export function checkObjects(recorder: Recorder, { runId, facts }: RunHistory): void {
  const fail = (what: string): void => recorder.fail("output", `${runId} ${what}`);
  const [created] = facts;
  const narrowed = created === undefined ? {} : (dataOf(created)["limits"] as StartLimits | undefined);
  let faults = 0;
  let answer: { readonly text: string; readonly isUnfit: boolean } | null = null;
  let steps = 0;
  for (const fact of facts) {
    const data = dataOf(fact);
    switch (fact.type) {
      case "message.user":
        answer = null;
        break;
      case "step.started":
        if (answer?.isUnfit === false) fail("asks its model again after an answer that fits");
        if (answer !== null && faults > OUTPUT_REPAIRS_MAX) fail(`asks its model again after ${faults} wrong answers`);
        break;
      case "step.completed": {
        const messages = data["messages"] as Message[];
        steps += 1;
        if (messages.some(hasCalls) || data["paused"] === true) {
          answer = null;
          break;
        }
        const text = messages.map(textOf).join("");
        answer = { text, isUnfit: unfitObject(text) };
        if (answer.isUnfit) faults += 1;
        if (answer.isUnfit !== "outputFault" in data) fail(`takes ${text} for ${answer.isUnfit ? "fit" : "unfit"}`);
        break;
      }
      case "run.completed":
        if (answer === null || answer.isUnfit || JSON.stringify(data["output"]) !== answer.text)
          fail(`ends with ${JSON.stringify(data["output"])} after ${answer?.text}`);
        else recorder.counts.objects += 1;
        break;
      case "run.failed": {
        const { code, data: told } = data["error"] as { code: string; data?: { answers?: number } };
        if (code !== "output_invalid") break;
        const { maxSteps = Number.POSITIVE_INFINITY } = narrowed ?? {};
        if (told?.answers !== faults || (faults <= OUTPUT_REPAIRS_MAX && steps < maxSteps))
          fail(`fails after ${faults} wrong answers, and says ${told?.answers}`);
        else recorder.counts.unfitOutputs += 1;
        break;
      }
      default:
        break;
    }
  }
}
