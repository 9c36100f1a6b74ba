import type { OutsideInput } from "../core/input.ts";
import { INBOX_CANCELS_MAX, INBOX_MAX } from "./limits.ts";

/** How many inputs may wait for a run when one of this kind is refused. A cancel has places of its own. */
export function inboxMaxFor(kind: OutsideInput["kind"]): number {
  return kind === "cancel" ? INBOX_MAX + INBOX_CANCELS_MAX : INBOX_MAX;
}
