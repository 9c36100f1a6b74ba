import type { ToolCall } from "@hsafa/protocol";
import { duration } from "../../words/duration.ts";

/** How long a call was under way; empty: it was not, or still is. */
export function tookOf({ dispatchedAt, settledAt }: ToolCall): string {
  if (dispatchedAt === null || settledAt === null) return "";
  return duration(Date.parse(settledAt) - Date.parse(dispatchedAt));
}
