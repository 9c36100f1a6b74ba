import { type JsonValue, readExactJson } from "@hsafa/protocol";
import { JSON_DEPTH_MAX } from "../../core/limits.ts";
import { asTexts } from "./wire/inexact-number.ts";

/** A provider's own result as it is kept. `isKept`: false if it cannot be, and `value` says why. */
export interface ExactResult {
  readonly value: JsonValue;
  readonly characters: number;
  readonly isKept: boolean;
}

/** Returns the result of a call that a provider has executed, as exactly as JSON is kept anywhere. */
export function exactResult(result: unknown): ExactResult {
  const text = asTexts(JSON.stringify(result) ?? "null");
  const read = readExactJson(text, JSON_DEPTH_MAX);
  switch (read.kind) {
    case "json":
      return { value: read.value, characters: text.length, isKept: true };
    case "malformed":
    case "inexact": {
      const where = "path" in read && read.path !== "" ? `'${read.path}'` : "it";
      return { value: `The result is not kept: ${where} ${read.message}.`, characters: text.length, isKept: false };
    }
    default:
      return read satisfies never;
  }
}
