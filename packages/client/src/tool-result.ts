import {
  JSON_DEPTH_MAX,
  TOOL_ERROR_CODE_CHARACTERS_MAX,
  type ToolError,
  type ToolResult,
  writeExactJson,
} from "@hsafa/protocol";
import { ERROR_MESSAGE_CHARACTERS_MAX, RESULT_BYTES_MAX } from "./limits.ts";
import { sendableJson, wholeCharacters } from "./sendable-json.ts";

/**
 * Returns the message, as JSON, that answers a call with what its tool returned. `undefined` becomes `null`. A result
 * that is no JSON or too large becomes an error. So does one that a gateway would refuse, such as a number that is not
 * finite: an error reaches the model.
 */
export function toolResultOf(callId: string, result: unknown): string {
  let text: string;
  try {
    // A function or a symbol is no JSON value and has no text.
    text = writeExactJson(result) ?? "null";
  } catch (error) {
    return notJson(callId, messageOf(error));
  }
  if (bytesOf(text) > RESULT_BYTES_MAX) {
    return errorResultOf(callId, {
      code: "result_too_large",
      message: `The tool's result is larger than ${RESULT_BYTES_MAX} bytes.`,
    });
  }
  const read = sendableJson(text, JSON_DEPTH_MAX);
  if (read.kind === "inexact") return notJson(callId, `'${read.path}' ${read.message}`);
  return JSON.stringify({ type: "tool.result", callId, result: read.value } satisfies ToolResult);
}

function notJson(callId: string, reason: string): string {
  return errorResultOf(callId, { code: "result_not_json", message: `The tool's result is no JSON: ${reason}` });
}

/** Returns the message, as JSON, that answers a call with what its tool threw. Its `code` is kept if it is a text. */
export function thrownResultOf(callId: string, error: unknown): string {
  const code = typeof error === "object" && error !== null && "code" in error ? error.code : undefined;
  return errorResultOf(callId, { code: typeof code === "string" ? code : undefined, message: messageOf(error) });
}

/** Returns the message, as JSON, that answers a call with an error. Texts that are too long are cut. */
export function errorResultOf(callId: string, error: ToolError): string {
  const answer: ToolResult = {
    type: "tool.result",
    callId,
    error: {
      code: error.code?.slice(0, TOOL_ERROR_CODE_CHARACTERS_MAX),
      message: wholeCharacters(error.message.slice(0, ERROR_MESSAGE_CHARACTERS_MAX)),
    },
  };
  return JSON.stringify(answer);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function bytesOf(text: string): number {
  // A UTF-16 unit takes three bytes at most, so most results need no counting. React Native may lack TextEncoder.
  if (text.length * 3 <= RESULT_BYTES_MAX) return text.length * 3;
  let bytes = 0;
  for (const character of text) {
    const point = character.codePointAt(0) ?? 0;
    bytes += point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
  }
  return bytes;
}
