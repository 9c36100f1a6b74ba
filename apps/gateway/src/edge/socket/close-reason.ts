import { CLOSE_REASON_CHARACTERS_MAX } from "../limits.ts";

/** The text of a close frame: plain characters, so that none is cut in the middle. */
export function closeReason(detail: string): string {
  return detail.replaceAll(/[^\x20-\x7e]/g, "?").slice(0, CLOSE_REASON_CHARACTERS_MAX);
}
