import { FAILURE_MESSAGE_CHARACTERS_MAX } from "./limits.ts";

/**
 * Returns a message of a failure within `FAILURE_MESSAGE_CHARACTERS_MAX`; `…` stands for what was cut off. No half of a
 * character is left.
 */
export function failureMessage(message: string): string {
  const text =
    message.length <= FAILURE_MESSAGE_CHARACTERS_MAX ? message : `${message.slice(0, FAILURE_MESSAGE_CHARACTERS_MAX)}…`;
  return text.toWellFormed();
}

/** Returns the message of an error's innermost cause, which names the reason: `fetch failed` alone says nothing. */
export function deepestMessage(error: unknown): string {
  let deepest = error;
  while (deepest instanceof Error && deepest.cause instanceof Error) deepest = deepest.cause;
  return deepest instanceof Error ? deepest.message : String(deepest);
}
