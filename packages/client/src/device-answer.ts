import type { DeviceMessage, JsonValue } from "@hsafa/protocol";

type ToolResult = Extract<DeviceMessage, { type: "tool.result" }>;

/** What the gateway takes of one result, in bytes of JSON, and of an error's message, in characters. */
const RESULT_BYTES_MAX = 250 * 1024;
const ERROR_CHARACTERS_MAX = 10_000;

/** The message that answers a call with what its tool returned; `undefined` is told as null. */
export function resultAnswer(callId: string, result: unknown): string {
  let text: string;
  try {
    // What is no JSON value at all (a function, a symbol) has no text.
    text = JSON.stringify(result) ?? "null";
  } catch (error) {
    return errorAnswer(callId, {
      code: "result_not_json",
      message: `The tool's result is no JSON: ${messageOf(error)}`,
    });
  }
  if (bytesOf(text) > RESULT_BYTES_MAX) {
    return errorAnswer(callId, {
      code: "result_too_large",
      message: `The tool's result is larger than ${RESULT_BYTES_MAX} bytes.`,
    });
  }
  return JSON.stringify({ type: "tool.result", callId, result: JSON.parse(text) as JsonValue } satisfies ToolResult);
}

/** The message that answers a call with why its tool failed. */
export function failureAnswer(callId: string, error: unknown): string {
  const code = typeof error === "object" && error !== null && "code" in error ? error.code : undefined;
  return errorAnswer(callId, { code: typeof code === "string" ? code : undefined, message: messageOf(error) });
}

export function errorAnswer(callId: string, error: { readonly code?: string; readonly message: string }): string {
  const answer: ToolResult = {
    type: "tool.result",
    callId,
    error: { code: error.code?.slice(0, 100), message: error.message.slice(0, ERROR_CHARACTERS_MAX) },
  };
  return JSON.stringify(answer);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function bytesOf(text: string): number {
  // Three bytes is the most a UTF-16 unit takes, so most results need no counting; React Native may lack TextEncoder.
  if (text.length * 3 <= RESULT_BYTES_MAX) return text.length * 3;
  let bytes = 0;
  for (const character of text) {
    const point = character.codePointAt(0) ?? 0;
    bytes += point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
  }
  return bytes;
}
