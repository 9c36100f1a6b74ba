import type { FinishReason } from "@hsafa/protocol";
import type { CallWritten } from "./input.ts";

/**
 * Whether a call may have been cut while the model wrote it. Such a call is not executed: half of its arguments, or
 * none, may mean something else than all of them. Calls are written one after the other, so only the last one is in
 * doubt.
 */
export function isCutCall(call: {
  readonly written: CallWritten;
  readonly isLast: boolean;
  readonly finishReason: FinishReason;
}): boolean {
  const { written, isLast, finishReason } = call;
  if (written === "partly") return true;
  if (!isLast) return false;
  switch (finishReason) {
    case "length":
    case "content-filter":
      return true;
    case "error":
    case "other":
      // Some servers name no reason for a call. Arguments that are there were closed by the provider.
      return written === "nothing";
    case "stop":
    case "tool-calls":
      return false;
    default:
      return finishReason satisfies never;
  }
}
