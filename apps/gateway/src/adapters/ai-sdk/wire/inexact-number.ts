/**
 * Numbers that `JSON.parse` would change, on their way through a provider's package. Some APIs send the arguments of a
 * call as JSON and not as its text. The package would parse them, and a tool would get another id than the model named.
 *
 * 1. Within arguments such a number becomes a text that holds it as it was written. The package passes that on.
 * 2. Behind the package it stands in the arguments' text as it was written. `finished-step.ts` reads that text, and
 *    refuses it as it refuses the text of other providers.
 * 3. Elsewhere in a frame it is a number, as ever: no step records it.
 */
import { type JsonValue, readExactJson } from "@hsafa/protocol";

/** Noncharacters of Unicode: no text that means something holds them. */
const [OPENING, CLOSING] = ["\ufdd0", "\ufdd1"];
const MARKED = new RegExp(`^${OPENING}[^${CLOSING}]*${CLOSING}$`);
const MARKED_IN_JSON = new RegExp(`"${OPENING}([-+.\\deE]{1,1000})${CLOSING}"`, "g");

/**
 * A number of fewer digits, and of an exponent with fewer, is always kept. What comes before it tells a number from
 * most digits within texts, such as times and ids. Few frames hold such a number.
 */
const MAY_BE_INEXACT = /(?:^|[[:,\s])-?(?:[\d.]{16}|[\d.]+[eE][-+]?\d{3})/;

/** Where providers put the arguments of a call. */
const ARGUMENTS: ReadonlySet<string> = new Set(["args", "partialArgs", "arguments", "parameters", "input"]);

/** Parses a frame. Throws if the text is no JSON. */
export function parseFrame(text: string): JsonValue {
  if (!MAY_BE_INEXACT.test(text)) return JSON.parse(text) as JsonValue;
  const isChanged = (source: string): boolean => readExactJson(source, 0).kind === "inexact";
  let hasMarks = false;
  const reviver: Reviver = (_key, value, { source } = {}) => {
    if (typeof value !== "number" || source === undefined || !isChanged(source)) return value;
    hasMarks = true;
    return OPENING + source + CLOSING; // 1.
  };
  const value = JSON.parse(text, reviver) as JsonValue;
  return hasMarks ? withMarksInArguments(value, false) : value;
}

/** Node passes the text of a value as well. The types of the standard library do not know that yet. */
type Reviver = (key: string, value: unknown, context?: { readonly source?: string }) => unknown;

function withMarksInArguments(value: JsonValue, isArguments: boolean): JsonValue {
  if (typeof value === "string") return !isArguments && isInexactNumber(value) ? Number(value.slice(1, -1)) : value; // 3.
  if (Array.isArray(value)) return value.map((item) => withMarksInArguments(item, isArguments));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [name, withMarksInArguments(item, isArguments || ARGUMENTS.has(name))]),
  );
}

/** Whether a value stands for a number that would be changed. */
export function isInexactNumber(value: JsonValue | undefined): value is string {
  return typeof value === "string" && MARKED.test(value);
}

/** Returns the text of a result in which each such number stays a text, so that no digit is lost. */
export function asTexts(resultText: string): string {
  return resultText.includes(OPENING) ? resultText.replaceAll(MARKED_IN_JSON, '"$1"') : resultText;
}

/** Returns the text of arguments with each such number as it was written. 2. */
export function asWritten(argumentsText: string): string {
  return argumentsText.includes(OPENING) ? argumentsText.replaceAll(MARKED_IN_JSON, "$1") : argumentsText;
}
